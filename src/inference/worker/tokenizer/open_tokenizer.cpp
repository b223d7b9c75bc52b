#include "inference/worker/tokenizer/file_error.hpp"
#include "inference/worker/tokenizer/token_pipeline.hpp"

#include <fmt/format.h>

namespace millrace::inference::worker {
namespace {

std::string_view file(const std::string& name, const TokenizerFiles& files) {
    const auto found = files.find(name);
    if (found == files.end()) throw FileError{"it was not pushed with the model"};
    if (found->second.size() > max_tokenizer_file)
        throw FileError{fmt::format("it has more than {} bytes", max_tokenizer_file)};
    return found->second;
}

Vocabulary vocabulary_of(const values::TextRule& rule) {
    Vocabulary vocabulary;
    for (std::size_t i = 0; i < rule.vocabulary.size(); ++i)
        vocabulary.add(rule.vocabulary[i], static_cast<TokenId>(i));
    return vocabulary;
}

// A JSON file begins with a brace, a protobuf message never does.
TokenParts read_file(const values::TextRule& rule, const TokenizerFiles& files) {
    const auto bytes = file(rule.file, files);
    const auto begin = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
    if (begin == std::string_view::npos || bytes[begin] != '{') return read_sentence_model(bytes, rule);
    if (rule.begin || rule.end || !rule.words.begin.empty() || !rule.words.end.empty())
        throw FileError{"what stands around a text is in the file: \"begin\" and \"end\" are not needed"};
    auto parts = read_tokenizer_json(bytes.substr(begin));
    if (rule.padding != 0) parts.padding.id = rule.padding;
    if (!rule.words.padding.empty()) {
        const auto added = parts.added.vocabulary().find(rule.words.padding);
        parts.padding.id = added ? *added : *token_number(0, rule.words.padding, parts.model->vocabulary());
    }
    return parts;
}

TokenParts read(const values::TextRule& rule, const TokenizerFiles& files) {
    switch (rule.tokenizer) {
    case values::Tokenizer::bytes: return read_bytes(rule);
    case values::Tokenizer::words: return read_words(vocabulary_of(rule), rule);
    case values::Tokenizer::word_pieces: return read_word_pieces(vocabulary_of(rule), rule);
    case values::Tokenizer::byte_pairs:
        return read_byte_pairs(file(rule.vocabulary_file, files), file(rule.merges_file, files), rule);
    case values::Tokenizer::file: break;
    }
    return read_file(rule, files);
}

} // namespace

Result<std::shared_ptr<const Tokenizer>> open_tokenizer(const values::TextRule& rule, const TokenizerFiles& files) {
    const auto& path = rule.file.empty() ? rule.vocabulary_file : rule.file;
    const auto name = path.empty() ? std::string{"the tokenizer"} : "the tokenizer's file \"" + path + "\"";
    try {
        return make_tokenizer(read(rule, files));
    } catch (const FileError& e) { return Error{Code::unprocessable, name + ": " + e.what()}; }
}

} // namespace millrace::inference::worker
