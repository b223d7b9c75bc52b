#include "inference/worker/tokenizer/word_pieces.hpp"

#include "inference/worker/tokenizer/characters.hpp"

namespace millrace::inference::worker {

WordPieces::WordPieces(Vocabulary vocabulary, WordPieceRule rule)
    : TokenModel{std::move(vocabulary)},
      rule_{std::move(rule)},
      inside_{vocabulary_.walk(Vocabulary::root, rule_.prefix)} {}

void WordPieces::add(std::string_view word, TokenIds& ids) const {
    if (word.size() > rule_.longest_word && count_characters(word) > rule_.longest_word)
        return ids.push_back(rule_.unknown);
    const auto before = ids.size();
    for (std::size_t start = 0; start < word.size();) {
        auto node = start == 0 ? Vocabulary::root : inside_;
        auto token = Vocabulary::none;
        std::size_t end = start;
        for (auto i = start; i < word.size() && node != Vocabulary::nowhere; ++i) {
            node = vocabulary_.step(node, word[i]);
            if (node == Vocabulary::nowhere || vocabulary_.id(node) == Vocabulary::none) continue;
            token = vocabulary_.id(node);
            end = i + 1;
        }
        if (token == Vocabulary::none) {
            ids.resize(before);
            return ids.push_back(rule_.unknown);
        }
        ids.push_back(token);
        start = end;
    }
}

} // namespace millrace::inference::worker
