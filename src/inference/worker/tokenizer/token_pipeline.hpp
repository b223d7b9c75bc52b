// The one kind of tokenizer that there is: added tokens, normaliser, splitting, model and the marks around. What the
// files say becomes these parts; whoever reads a file fills them in.
#pragma once
#include "inference/worker/tokenizer/added_tokens.hpp"
#include "inference/worker/tokenizer/normalizer.hpp"
#include "inference/worker/tokenizer/splitting.hpp"
#include "inference/worker/tokenizer/token_model.hpp"
#include "inference/worker/tokenizer/tokenizer.hpp"

#include <memory>
#include <vector>

namespace millrace::inference::worker {

// What is given out, in its order.
struct TemplatePart {
    enum { first, second, mark } what = first;
    std::vector<std::int64_t> ids; // of a mark
    std::uint8_t type = 0;
};
using Template = std::vector<TemplatePart>;

struct TokenParts {
    AddedTokens added;
    Normalizer normalizer;
    Splitting splitting;
    std::unique_ptr<const TokenModel> model;
    Template single{{TemplatePart::first, {}, 0}}, pair{{TemplatePart::first, {}, 0}, {TemplatePart::second, {}, 1}};
    TokenPadding padding;
    bool cut_left = false; // the beginning of a text that is too long goes, not its end
};

std::shared_ptr<const Tokenizer> make_tokenizer(TokenParts parts);

// Each reads one form of file, within its limits; FileError.
TokenParts read_tokenizer_json(std::string_view bytes);
TokenParts read_sentence_model(std::string_view bytes, const values::TextRule& rule);
TokenParts read_word_pieces(Vocabulary vocabulary, const values::TextRule& rule);
TokenParts read_words(Vocabulary vocabulary, const values::TextRule& rule);
TokenParts read_bytes(const values::TextRule& rule);
TokenParts read_byte_pairs(std::string_view vocabulary_json, std::string_view merges, const values::TextRule& rule);

// The rule's token by its number, or by its word where it has one.
std::optional<std::int64_t> token_number(std::optional<std::int64_t> number, const std::string& word,
                                         const Vocabulary& vocabulary);
// begin A end, and begin A end B end; the padding.
void add_marks(TokenParts& parts, const Vocabulary& vocabulary, const values::TextRule& rule);

} // namespace millrace::inference::worker
