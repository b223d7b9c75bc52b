#include "api/prefer.hpp"

#include <algorithm>
#include <charconv>

namespace millrace::api {

std::optional<int> preferred_wait(std::string_view prefer) {
    for (std::size_t at = 0; at < prefer.size();) {
        const auto comma = std::min(prefer.find(',', at), prefer.size());
        auto word = prefer.substr(at, comma - at);
        at = comma + 1;
        while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
        int seconds = 0;
        if (word.starts_with("wait=") &&
            std::from_chars(word.data() + 5, word.data() + word.size(), seconds).ec == std::errc{} && seconds >= 0)
            return std::min(seconds, longest_wait_seconds);
    }
    return std::nullopt;
}

} // namespace millrace::api
