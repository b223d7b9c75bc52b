// Byte-pair encoding (Sennrich et al. 2016) with a list of merges, as Hugging Face's files have it: of all neighbours
// the pair that stands first in the list is merged, the leftmost of equals, until no pair is in it. Time n log n in the
// word's length.
#pragma once
#include "inference/worker/tokenizer/token_model.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace millrace::inference::worker {

struct BytePairRule {
    std::optional<TokenId> unknown; // none: a character that is not in the vocabulary is left out
    std::string prefix, suffix;     // written before each character but the first, and behind the last
    bool join_unknown = false;      // unknown characters beside each other are one token
    bool byte_fallback = false;     // an unknown character is the tokens <0x00> … of its bytes
    bool whole_words = false;       // a word that is a token needs no merges
};

class BytePairs final : public TokenModel {
public:
    using Merges = std::vector<std::pair<std::string, std::string>>;
    // FileError where a merge names what is no token.
    BytePairs(Vocabulary vocabulary, const Merges& merges, BytePairRule rule);
    void add(std::string_view word, TokenIds& ids) const override;

private:
    struct Merge {
        std::uint32_t rank = UINT32_MAX; // its place in the list
        TokenId token = 0;
    };
    struct Slot {
        std::uint64_t pair = UINT64_MAX; // free
        Merge merge;
    };

    void add_merge(TokenId left, TokenId right, Merge merge);
    Merge merge_of(TokenId left, TokenId right) const {
        const auto pair = static_cast<std::uint64_t>(left) << 32 | right;
        for (auto place = place_of(pair);; place = (place + 1) & mask_) {
            const auto& slot = slots_[place];
            if (slot.pair == pair) return slot.merge;
            if (slot.pair == UINT64_MAX) return {};
        }
    }
    std::size_t place_of(std::uint64_t pair) const { return (pair * 0x9e3779b97f4a7c15ull >> 32) & mask_; }
    void add_characters(std::string_view word, std::vector<TokenId>& tokens) const;
    void merge_few(std::vector<TokenId>& tokens) const;
    void merge_many(std::vector<TokenId>& tokens) const;

    BytePairRule rule_;
    std::array<TokenId, 256> bytes_{}; // of byte_fallback; Vocabulary::none where there is no such token
    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
};

// The tokens <0x00> to <0xFF>.
std::array<TokenId, 256> byte_tokens(const Vocabulary& vocabulary);

} // namespace millrace::inference::worker
