// WordPiece (Schuster and Nakajima 2012), as BERT has it: the longest piece of the vocabulary first, again and again;
// pieces inside a word are written with a prefix. A word that cannot be made of pieces is unknown as a whole.
#pragma once
#include "inference/worker/tokenizer/token_model.hpp"

#include <string>

namespace millrace::inference::worker {

struct WordPieceRule {
    TokenId unknown = 0;
    std::string prefix = "##";
    std::size_t longest_word = 100; // characters; a longer one is unknown
};

class WordPieces final : public TokenModel {
public:
    WordPieces(Vocabulary vocabulary, WordPieceRule rule);
    void add(std::string_view word, TokenIds& ids) const override;

private:
    WordPieceRule rule_;
    Vocabulary::Node inside_; // behind the prefix
};

} // namespace millrace::inference::worker
