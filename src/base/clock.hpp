// Time. Wall-clock moments are integer microseconds since the Unix epoch, as they are stored; durations and
// leases are measured on the monotonic clock.
#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

struct Timestamp {
    std::int64_t micros = 0;

    // RFC 3339 in UTC with six digits of fraction: 2026-01-02T03:04:05.678901Z
    std::string text() const;
    // RFC 3339 with any offset and up to nine digits of fraction; nullopt if it is none.
    static std::optional<Timestamp> parse(std::string_view text);

    Timestamp operator+(std::chrono::microseconds d) const { return {micros + d.count()}; }
    Timestamp operator-(std::chrono::microseconds d) const { return {micros - d.count()}; }
    std::chrono::microseconds operator-(Timestamp o) const { return std::chrono::microseconds{micros - o.micros}; }
    auto operator<=>(const Timestamp&) const = default;
};

using Monotonic = std::chrono::steady_clock::time_point;

// A port, so that tests drive time. Implementations are thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Timestamp now() const = 0;
    virtual Monotonic monotonic() const = 0;
};

class SystemClock final : public Clock {
public:
    static SystemClock& instance();
    Timestamp now() const override;
    Monotonic monotonic() const override { return std::chrono::steady_clock::now(); }
};

} // namespace millrace
