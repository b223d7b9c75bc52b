// Byte-pair encoding as SentencePiece's files have it: without a list of merges; of all neighbours that together are a
// piece those with the highest score are joined, the leftmost of equals. Time n log n in the text's length.
#pragma once
#include "inference/worker/tokenizer/token_model.hpp"
#include "inference/worker/tokenizer/unigram.hpp"

#include <array>

namespace millrace::inference::worker {

struct ScoredPairRule {
    std::vector<float> scores; // of each token, by its number
    std::vector<PieceKind> kinds;
    TokenId unknown = 0;
    bool byte_fallback = false;
};

class ScoredPairs final : public TokenModel {
public:
    ScoredPairs(Vocabulary vocabulary, ScoredPairRule rule);
    void add(std::string_view text, TokenIds& ids) const override;

private:
    struct Symbols;
    TokenId piece(std::string_view text) const; // of those that may be joined
    void split(std::string_view text, Symbols& symbols) const;
    void join(Symbols& symbols) const;
    void add_piece(std::string_view piece, const Symbols& symbols, TokenIds& ids, bool& unknown_before,
                   int depth) const;

    ScoredPairRule rule_;
    std::array<TokenId, 256> bytes_{};
};

} // namespace millrace::inference::worker
