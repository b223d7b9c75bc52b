// For log lines that strangers cause: so many a second are written, the others are counted and told with the next.
// Thread-safe.
//   if (const auto line = limit.ask()) log.warning("sign-in failed", {{"remote", remote}, {"left_out",
//   line->left_out}});
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace millrace::telemetry {

class LogLimit {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Line {
        std::uint64_t left_out; // lines of its kind, since the last one was written
    };

    explicit LogLimit(unsigned lines_a_second) : most_{lines_a_second} {}

    // A line may be written now; nullopt when as many were in this second as may.
    std::optional<Line> ask(Time now = std::chrono::steady_clock::now()) {
        const std::lock_guard lock{mutex_};
        if (now - began_ >= std::chrono::seconds{1}) {
            began_ = now;
            written_ = 0;
        }
        if (written_ >= most_) {
            ++left_out_;
            return std::nullopt;
        }
        ++written_;
        return Line{std::exchange(left_out_, 0)};
    }

private:
    const unsigned most_;
    std::mutex mutex_;
    Time began_{};
    unsigned written_ = 0;
    std::uint64_t left_out_ = 0;
};

} // namespace millrace::telemetry
