// The tokens of a vocabulary and their numbers, as a trie over bytes: finds a token, and the longest one that a text
// begins with. Built once, then read by any thread. The edges are one open-addressing table, so that a step is one
// look-up and the memory is eight bytes an edge, half of them in use.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::inference::worker {

using TokenId = std::uint32_t;
inline constexpr std::size_t most_tokens = 1 << 20, longest_token = 4096, most_token_bytes = 16 << 20;

class Vocabulary {
public:
    using Node = std::uint32_t;
    static constexpr Node root = 0, nowhere = UINT32_MAX;
    static constexpr TokenId none = UINT32_MAX;

    Vocabulary();
    // A token that is there already gets the new number. FileError beyond the limits above.
    void add(std::string_view token, TokenId id);
    std::optional<TokenId> find(std::string_view token) const;
    std::size_t size() const { return size_; }
    TokenId highest() const { return highest_; }

    // The node of a text that begins a token, or `nowhere`.
    Node step(Node from, char byte) const {
        const std::uint32_t key = from << 8 | static_cast<unsigned char>(byte);
        for (auto place = place_of(key);; place = (place + 1) & mask_) {
            const auto& edge = edges_[place];
            if (edge.to == 0) return nowhere;
            if (edge.key == key) return edge.to;
        }
    }
    Node walk(Node from, std::string_view bytes) const;
    TokenId id(Node node) const { return ids_[node]; } // `none` where no token ends

private:
    struct Edge {
        std::uint32_t key = 0, to = 0; // to 0: free; nothing leads to the root
    };
    std::size_t place_of(std::uint32_t key) const { return (key * 0x9e3779b97f4a7c15ull >> 20) & mask_; }
    void grow();

    std::vector<Edge> edges_;
    std::size_t mask_;
    std::vector<TokenId> ids_; // of each node
    std::size_t size_ = 0, bytes_ = 0;
    TokenId highest_ = 0;
};

} // namespace millrace::inference::worker
