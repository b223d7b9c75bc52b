// The tokens of the words that a thread met last, of whichever tokenizer: texts repeat their words, and merging a
// word's bytes takes longer than finding it again. One place for each hash, the newer word takes it. Memory: 128 KiB a
// thread.
#pragma once
#include "inference/worker/tokenizer/token_model.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

namespace millrace::inference::worker {

class WordCache {
public:
    // The word's tokens by the model, which `serial` stands for: no two models have the same.
    void add(std::uint64_t serial, const TokenModel& model, std::string_view word, TokenIds& ids) {
        if (word.size() > longest) return model.add(word, ids);
        auto& entry = entries_[(std::hash<std::string_view>{}(word) + serial) % entries_.size()];
        if (entry.serial == serial && word == std::string_view{entry.word.data(), entry.size}) {
            ids.insert(ids.end(), entry.tokens.begin(), entry.tokens.begin() + entry.count);
            return;
        }
        const auto before = ids.size();
        model.add(word, ids);
        if (ids.size() - before > most) return;
        entry.serial = serial;
        entry.size = static_cast<std::uint8_t>(word.size());
        entry.count = static_cast<std::uint8_t>(ids.size() - before);
        std::copy(word.begin(), word.end(), entry.word.begin());
        std::transform(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end(), entry.tokens.begin(),
                       [](auto id) { return static_cast<TokenId>(id); });
    }

private:
    static constexpr std::size_t longest = 22, most = 8; // bytes, tokens
    struct Entry {
        std::uint64_t serial = 0;
        std::uint8_t size = 0, count = 0;
        std::array<char, longest> word{};
        std::array<TokenId, most> tokens{};
    };
    std::array<Entry, 2048> entries_{};
};

} // namespace millrace::inference::worker
