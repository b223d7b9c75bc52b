#include "http/request_id.hpp"

#include "base/crypto.hpp"

#include <algorithm>
#include <charconv>
#include <span>

namespace millrace::http {

bool is_request_id(std::string_view id) {
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '.';
    });
}

// Unique, not secret: a random number for each thread, and a count.
void make_request_id(std::string& id) {
    thread_local const std::uint64_t base = random64();
    thread_local std::uint64_t count = 0;
    char text[40];
    auto end = std::to_chars(text, text + 20, base, 16).ptr;
    *end++ = '-';
    end = std::to_chars(end, text + sizeof text, ++count, 16).ptr;
    id.assign(text, end);
}

} // namespace millrace::http
