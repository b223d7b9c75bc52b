// The unigram language model (Kudo 2018): of all ways to cut a text into pieces the one with the highest sum of scores,
// found by one pass over the text (Viterbi). Time: the text's length times the longest piece.
#pragma once
#include "inference/worker/tokenizer/token_model.hpp"

#include <array>
#include <optional>

namespace millrace::inference::worker {

// What a piece is; SentencePiece's files say it, others have normal pieces only.
enum class PieceKind : std::uint8_t { normal, user_defined, unused, other };

struct UnigramRule {
    std::vector<double> scores;     // of each token, by its number
    std::vector<PieceKind> kinds;   // the same; empty: all normal
    std::optional<TokenId> unknown; // none: a character without a piece is an InputError
    bool byte_fallback = false;     // unknown characters are the tokens <0x00> … of their bytes
    bool single_precision = false;  // sums are float, as SentencePiece's; else double, as Hugging Face's
};

class Unigram final : public TokenModel {
public:
    Unigram(Vocabulary vocabulary, UnigramRule rule);
    void add(std::string_view text, TokenIds& ids) const override;

private:
    template <class Score>
    void add_best(std::string_view text, TokenIds& ids) const;
    void add_unknown(std::string_view characters, TokenIds& ids) const;

    UnigramRule rule_;
    double lowest_ = 0, highest_ = 0; // scores
    std::array<TokenId, 256> bytes_{};
};

} // namespace millrace::inference::worker
