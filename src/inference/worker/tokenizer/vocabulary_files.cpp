// Tokenizers that are a vocabulary and the manifest's rule: words, BERT's word pieces, byte-level byte pairs.
#include "base/utf8.hpp"
#include "inference/worker/tokenizer/byte_pairs.hpp"
#include "inference/worker/tokenizer/file_error.hpp"
#include "inference/worker/tokenizer/json_part.hpp"
#include "inference/worker/tokenizer/token_pipeline.hpp"
#include "inference/worker/tokenizer/word_model.hpp"
#include "inference/worker/tokenizer/word_pieces.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

std::string_view line(std::string_view& left) {
    const auto end = left.find('\n');
    auto one = left.substr(0, end);
    left = end == std::string_view::npos ? std::string_view{} : left.substr(end + 1);
    return one;
}

// A mark is found in a text as it stands. A number that the manifest names may be a word like any other; it is a mark
// when it is written as one: [UNK], <pad>.
bool is_mark_text(std::string_view text) {
    return text.size() > 2 && ((text.front() == '[' && text.back() == ']') ||
                               (text.front() == '<' && text.back() == '>')); // <|endoftext|>, too
}

void find_marks(TokenParts& parts, const Vocabulary& vocabulary, const values::TextRule& rule) {
    const auto add = [&](std::string_view text) {
        const auto id = vocabulary.find(text);
        if (id) parts.added.add({std::string{text}, *id}, parts.normalizer);
    };
    for (const auto* bert : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) add(bert);
    const auto mark = [&](std::optional<std::int64_t> number, const std::string& word) {
        const auto place = static_cast<std::size_t>(number.value_or(-1));
        const std::string_view text = !word.empty()                    ? word
                                      : place < rule.vocabulary.size() ? std::string_view{rule.vocabulary[place]}
                                                                       : std::string_view{};
        if (is_mark_text(text)) add(text);
    };
    mark(rule.padding, rule.words.padding);
    mark(rule.unknown, rule.words.unknown);
    mark(rule.begin, rule.words.begin);
    mark(rule.end, rule.words.end);
}

TokenId unknown_of(const values::TextRule& rule, const Vocabulary& vocabulary) {
    return static_cast<TokenId>(token_number(rule.unknown, rule.words.unknown, vocabulary).value_or(0));
}

} // namespace

std::optional<std::int64_t> token_number(std::optional<std::int64_t> number, const std::string& word,
                                         const Vocabulary& vocabulary) {
    if (word.empty()) return number;
    const auto found = vocabulary.find(word);
    if (!found) throw FileError{fmt::format("it has no token \"{}\", which the manifest names", word)};
    return *found;
}

void add_marks(TokenParts& parts, const Vocabulary& vocabulary, const values::TextRule& rule) {
    const auto begin = token_number(rule.begin, rule.words.begin, vocabulary),
               end = token_number(rule.end, rule.words.end, vocabulary);
    const auto add = [](Template& order, const std::optional<std::int64_t>& id, std::uint8_t type) {
        if (id) order.push_back({TemplatePart::mark, {*id}, type});
    };
    parts.single.clear();
    add(parts.single, begin, 0);
    parts.single.push_back({TemplatePart::first, {}, 0});
    add(parts.single, end, 0);
    parts.pair = parts.single;
    parts.pair.push_back({TemplatePart::second, {}, 1});
    add(parts.pair, end, 1);
    parts.padding.id = token_number(rule.padding, rule.words.padding, vocabulary).value_or(0);
}

TokenParts read_words(Vocabulary vocabulary, const values::TextRule& rule) {
    TokenParts parts;
    if (rule.lowercase) parts.normalizer.steps.push_back(lowercase_normalizer());
    parts.splitting.steps.push_back(alphanumeric_splitting());
    add_marks(parts, vocabulary, rule);
    const auto unknown = unknown_of(rule, vocabulary);
    parts.model = std::make_unique<WordModel>(std::move(vocabulary), unknown);
    return parts;
}

TokenParts read_word_pieces(Vocabulary vocabulary, const values::TextRule& rule) {
    TokenParts parts;
    parts.normalizer.steps.push_back(
        bert_normalizer({.strip_accents = rule.strip_accents.value_or(rule.lowercase), .lowercase = rule.lowercase}));
    parts.splitting.steps.push_back(bert_splitting());
    find_marks(parts, vocabulary, rule);
    add_marks(parts, vocabulary, rule);
    WordPieceRule pieces;
    pieces.unknown = unknown_of(rule, vocabulary);
    parts.model = std::make_unique<WordPieces>(std::move(vocabulary), std::move(pieces));
    return parts;
}

TokenParts read_bytes(const values::TextRule& rule) {
    TokenParts parts;
    if (rule.lowercase) parts.normalizer.steps.push_back(lowercase_normalizer());
    parts.model = std::make_unique<ByteModel>();
    add_marks(parts, parts.model->vocabulary(), rule);
    return parts;
}

TokenParts read_byte_pairs(std::string_view vocabulary_json, std::string_view merges_text,
                           const values::TextRule& rule) {
    const auto value = parse_json(vocabulary_json);
    if (!value) throw FileError{value.error().detail};
    if (!value->is_object()) throw FileError{"an object of tokens and their numbers is needed"};
    Vocabulary vocabulary;
    const JsonPart tokens{value->get_object(), ""};
    for (const auto& member : tokens.object())
        vocabulary.add(JsonPart::view(member.key()),
                       static_cast<TokenId>(
                           tokens.integer(member.value(), JsonPart::view(member.key()), 0, most_tokens - 1)));
    if (!valid_utf8(merges_text)) throw FileError{"the merges are not valid UTF-8"};
    BytePairs::Merges merges;
    while (!merges_text.empty()) {
        auto one = line(merges_text);
        if (one.ends_with('\r')) one.remove_suffix(1);
        if (one.starts_with("#version") || one.empty()) continue;
        const auto space = one.find(' ');
        if (space == std::string_view::npos || one.find(' ', space + 1) != std::string_view::npos)
            throw FileError{fmt::format("the merge {} is not two tokens", merges.size())};
        merges.emplace_back(one.substr(0, space), one.substr(space + 1));
        if (merges.size() > most_tokens) throw FileError{fmt::format("more than {} merges", most_tokens)};
    }
    TokenParts parts;
    parts.splitting.steps.push_back(byte_level_splitting(rule.prefix_space, true));
    find_marks(parts, vocabulary, rule);
    add_marks(parts, vocabulary, rule);
    BytePairRule pairs;
    if (rule.unknown != 0 || !rule.words.unknown.empty())
        pairs.unknown = unknown_of(rule, vocabulary); // bytes that have no token are left out else
    parts.model = std::make_unique<BytePairs>(std::move(vocabulary), merges, std::move(pairs));
    return parts;
}

} // namespace millrace::inference::worker
