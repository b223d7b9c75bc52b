// Opens tokenizers: those of Hugging Face's files and SentencePiece's, which give the same numbers as their own
// libraries do. Once, on the loading thread; what is opened is then used by any number of threads.
//
//     auto tokenizer = open_tokenizer(input.text, files);              // Result: what is wrong with the file
//     auto encoding = (*tokenizer)->encode("a text", std::nullopt, 256, Cut::longest_first);
//     pad(encoding, 256, (*tokenizer)->padding());
#pragma once
#include "base/result.hpp"
#include "inference/worker/input/input_error.hpp"
#include "values/text_tokenizer.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::inference::worker {

using values::Cut;
using values::Encoding;
using values::TokenPadding;
using Tokenizer = values::TextTokenizer;

// Up to `length` tokens; does nothing to one that is as long or longer.
void pad(Encoding& encoding, std::size_t length, const TokenPadding& padding);

// The files that were pushed with the model, by name. Borrowed: not looked at after opening.
using TokenizerFiles = std::map<std::string, std::string_view, std::less<>>;
inline constexpr std::size_t max_tokenizer_file = 64 << 20;

// By the manifest's rule, into which a vocabulary of words or word_pieces has been put where it is in a file
// (values::put_vocabulary). unprocessable with the file's name and what is wrong with it, or not supported, or where
// the rule names a token that the vocabulary lacks.
Result<std::shared_ptr<const Tokenizer>> open_tokenizer(const values::TextRule& rule, const TokenizerFiles& files);

} // namespace millrace::inference::worker
