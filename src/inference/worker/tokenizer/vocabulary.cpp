#include "inference/worker/tokenizer/vocabulary.hpp"

#include "inference/worker/tokenizer/file_error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {

Vocabulary::Vocabulary() : edges_(1024), mask_{edges_.size() - 1}, ids_{none} {}

void Vocabulary::grow() {
    std::vector<Edge> old(edges_.size() * 2);
    old.swap(edges_);
    mask_ = edges_.size() - 1;
    for (const auto& edge : old) {
        if (edge.to == 0) continue;
        auto place = place_of(edge.key);
        while (edges_[place].to != 0) place = (place + 1) & mask_;
        edges_[place] = edge;
    }
}

void Vocabulary::add(std::string_view token, TokenId id) {
    if (token.size() > longest_token)
        throw FileError{fmt::format("a token of {} bytes; the longest has {}", token.size(), longest_token)};
    if (size_ >= most_tokens) throw FileError{fmt::format("more than {} tokens", most_tokens)};
    if (id >= most_tokens) throw FileError{fmt::format("the token number {} is not below {}", id, most_tokens)};
    bytes_ += token.size();
    if (bytes_ > most_token_bytes)
        throw FileError{fmt::format("the tokens have more than {} bytes together", most_token_bytes)};
    Node node = root;
    for (const char byte : token) {
        auto next = step(node, byte);
        if (next == nowhere) {
            next = static_cast<Node>(ids_.size());
            ids_.push_back(none);
            if (ids_.size() * 2 > edges_.size()) grow();
            const std::uint32_t key = node << 8 | static_cast<unsigned char>(byte);
            auto place = place_of(key);
            while (edges_[place].to != 0) place = (place + 1) & mask_;
            edges_[place] = {key, next};
        }
        node = next;
    }
    if (ids_[node] == none) ++size_;
    ids_[node] = id;
    highest_ = std::max(highest_, id);
}

Vocabulary::Node Vocabulary::walk(Node from, std::string_view bytes) const {
    for (const char byte : bytes)
        if ((from = step(from, byte)) == nowhere) break;
    return from;
}

std::optional<TokenId> Vocabulary::find(std::string_view token) const {
    const auto node = walk(root, token);
    if (node == nowhere || id(node) == none) return std::nullopt;
    return id(node);
}

} // namespace millrace::inference::worker
