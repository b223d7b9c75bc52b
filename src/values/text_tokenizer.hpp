// A port: from a text, or a pair of texts, to the numbers of its tokens. The worker implements it
// (inference/worker/tokenizer) and puts it into the text rules of a manifest when a model is loaded; nobody else has
// one. Used by any number of threads.
#pragma once
#include "values/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::values {

struct Encoding {
    std::vector<std::int64_t> ids;
    std::vector<std::uint8_t> types; // of each token: usually 0 in the first text and 1 in the second
    std::size_t padded_left = 0;     // tokens before the first real one
    std::size_t length = 0;          // real tokens: what an attention mask is 1 for
};

struct TokenPadding {
    std::int64_t id = 0;
    std::uint8_t type = 0;
    bool left = false; // before the text instead of behind it
};

class TextTokenizer {
public:
    virtual ~TextTokenizer() = default;

    // The tokens, with the marks that belong around them; cut to `most` in all, never padded. Throws InputError for
    // what is no UTF-8, and for a pair whose other text leaves no place for the one that is to be cut.
    virtual Encoding encode(std::string_view text, std::optional<std::string_view> pair, std::size_t most,
                            Cut cut) const = 0;
    virtual std::size_t marks(bool pair) const = 0; // how many tokens are put around: `most` must be above that
    virtual TokenPadding padding() const = 0;
    virtual std::optional<std::int64_t> find(std::string_view token) const = 0;
    virtual std::int64_t highest() const = 0; // number of a token: what a model's embedding must have room for

    std::size_t count(std::string_view text) const {
        return encode(text, std::nullopt, SIZE_MAX, Cut::longest_first).ids.size();
    }
};

} // namespace millrace::values
