// Words as they are, and bytes: the tokenizers that need no pieces.
#pragma once
#include "inference/worker/tokenizer/token_model.hpp"

#include <optional>

namespace millrace::inference::worker {

// Each word is a token of the vocabulary, or unknown.
class WordModel final : public TokenModel {
public:
    WordModel(Vocabulary vocabulary, TokenId unknown) : TokenModel{std::move(vocabulary)}, unknown_{unknown} {}
    void add(std::string_view word, TokenIds& ids) const override {
        ids.push_back(vocabulary_.find(word).value_or(unknown_));
    }

private:
    TokenId unknown_;
};

// Each byte is its own number.
class ByteModel final : public TokenModel {
public:
    ByteModel() : TokenModel{Vocabulary{}} {}
    void add(std::string_view word, TokenIds& ids) const override {
        for (const char byte : word) ids.push_back(static_cast<unsigned char>(byte));
    }
};

} // namespace millrace::inference::worker
