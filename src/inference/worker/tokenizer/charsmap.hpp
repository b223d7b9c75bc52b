// SentencePiece's precompiled map of characters (such as "nmt_nfkc"): what text becomes what. A little-endian u32 with
// the size of a double-array trie, the trie (of darts-clone), and the replacements, each ended by a zero. Built once,
// then read by any thread; a stranger's map is read within its bounds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::inference::worker {

class Charsmap {
public:
    explicit Charsmap(std::string_view bytes); // FileError
    // The longest entry that `text` begins with: its length, and what it becomes.
    std::optional<std::pair<std::size_t, std::string_view>> longest(std::string_view text) const {
        return search(text, true);
    }
    std::optional<std::pair<std::size_t, std::string_view>> shortest(std::string_view text) const {
        return search(text, false);
    }

private:
    std::optional<std::pair<std::size_t, std::string_view>> search(std::string_view text, bool longest) const;

    std::vector<std::uint32_t> units_;
    std::string replacements_;
};

} // namespace millrace::inference::worker
