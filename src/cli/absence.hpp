// A daemon that goes away while a command waits or watches: it may only be being started again. One thread.
#pragma once
#include "base/clock.hpp"
#include "cli/context.hpp"

#include <optional>
#include <string>

namespace millrace::cli {

class Absence {
public:
    static constexpr std::chrono::seconds longest{10};

    // What `ask` gives, or nullopt while the daemon is away. Its Failure when it was never there, stays away, or does
    // not want to.
    template <class Ask>
    auto bridge(Ask ask) -> std::optional<decltype(ask())> {
        const auto now = std::chrono::steady_clock::now();
        try {
            auto answer = ask();
            seen_ = now;
            problem_.clear();
            return answer;
        } catch (const Failure& failure) {
            const bool away = failure.exit == unreachable || failure.status == 503;
            if (!away || !seen_ || now - *seen_ > longest) throw;
            problem_ = failure.what();
            problem_.resize(std::min(problem_.size(), problem_.find('\n')));
            return std::nullopt;
        }
    }
    const std::string& problem() const { return problem_; } // one line; empty while it is there

private:
    std::optional<Monotonic> seen_;
    std::string problem_;
};

} // namespace millrace::cli
