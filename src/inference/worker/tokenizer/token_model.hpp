// How one word becomes tokens. The kinds are in files of their own; each is built once and then read by any thread.
#pragma once
#include "inference/worker/tokenizer/vocabulary.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

using TokenIds = std::vector<std::int64_t>;

class TokenModel {
public:
    explicit TokenModel(Vocabulary vocabulary) : vocabulary_{std::move(vocabulary)} {}
    virtual ~TokenModel() = default;
    TokenModel(const TokenModel&) = delete;
    TokenModel& operator=(const TokenModel&) = delete;

    virtual void add(std::string_view word, TokenIds& ids) const = 0; // behind what is there; the word is UTF-8
    const Vocabulary& vocabulary() const { return vocabulary_; }

protected:
    Vocabulary vocabulary_;
};

} // namespace millrace::inference::worker
