// The Prefer header (RFC 7240). Pure.
#pragma once
#include <optional>
#include <string_view>

namespace millrace::api {

inline constexpr int longest_wait_seconds = 60;

// Seconds of `Prefer: wait=N`, 60 at most; nullopt when it does not ask.
std::optional<int> preferred_wait(std::string_view prefer);

} // namespace millrace::api
