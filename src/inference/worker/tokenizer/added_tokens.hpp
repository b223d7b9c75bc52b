// Tokens that are found in a text as they stand, before it is cut into words: marks such as [SEP], and what was added
// to a vocabulary later. The longest of those that begin at a place is found, from left to right. Built once, then read
// by any thread.
#pragma once
#include "inference/worker/tokenizer/normalizer.hpp"
#include "inference/worker/tokenizer/vocabulary.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace millrace::inference::worker {

struct AddedToken {
    std::string content;
    TokenId id = 0;
    bool single_word = false;                     // not where a letter stands before or behind it
    bool strip_left = false, strip_right = false; // takes the spaces there along
    bool normalized = false;                      // looked for in the normalised text, after being normalised itself
};

class AddedTokens {
public:
    struct Part {
        std::string_view text;
        std::optional<TokenId> token; // none: text between the tokens
    };
    void add(AddedToken token, const Normalizer& normalizer); // a content that is there already gets the new properties
    const Vocabulary& vocabulary() const { return contents_; }

    // The parts of a text as it came, and of one that is normalised; appended.
    void split_raw(std::string_view text, std::vector<Part>& parts) const { raw_.split(text, parts); }
    void split_normalized(std::string_view text, std::vector<Part>& parts) const { normalized_.split(text, parts); }
    bool any_normalized() const { return normalized_.tokens.size() > 0; }

private:
    struct Set {
        Vocabulary tokens;
        std::unordered_map<TokenId, AddedToken> rules;
        std::array<bool, 256> begins{}; // some token begins with this byte
        void add(std::string_view written, AddedToken token);
        void split(std::string_view text, std::vector<Part>& parts) const;
    };
    Vocabulary contents_;
    Set raw_, normalized_;
};

} // namespace millrace::inference::worker
