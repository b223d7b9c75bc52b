#include "inference/archive/in_quotes.hpp"

#include <fmt/format.h>

namespace millrace::inference {

std::string in_quotes(std::string_view name) {
    constexpr std::size_t longest = 120;
    std::string out = "\"";
    for (const char c : name.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') out += c;
        else out += fmt::format("\\x{:02x}", byte);
    }
    return out + (name.size() > longest ? "…\"" : "\"");
}

} // namespace millrace::inference
