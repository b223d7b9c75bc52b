#include "processors/sleep/sleep.hpp"

#include "base/json.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace millrace::processors {
namespace {

struct Plan {
    double seconds = 0;
    std::int64_t fail_times = 0;
};

Result<Plan> read_plan(const json::value& payload) {
    const auto* object = payload.if_object();
    if (!object) return Error{Code::unprocessable, "the payload of a sleep job is an object: {\"seconds\":1}"};
    if (const auto known = only_fields(*object, {"seconds", "fail_times"}); !known) return known.error();
    const auto seconds = number_field(*object, "seconds", 0, 86'400);
    if (!seconds) return seconds.error();
    const auto fail_times = integer_field(*object, "fail_times", 0, 100);
    if (!fail_times) return fail_times.error();
    return Plan{seconds->value_or(0), fail_times->value_or(0)};
}

} // namespace

Result<void> Sleep::check(OrganizationId, const json::value& payload) const {
    const auto plan = read_plan(payload);
    return plan ? success() : Result<void>{plan.error()};
}

awaitable<jobs::Outcome> Sleep::run(jobs::Attempt attempt) {
    using namespace std::chrono;
    const auto payload = parse_json(attempt.payload);
    const auto plan = payload ? read_plan(*payload) : Result<Plan>{payload.error()};
    if (!plan) co_return jobs::Failure{jobs::Failure::Kind::permanent, {"bad_payload", plan.error().detail}, {}};

    const auto whole = duration_cast<steady_clock::duration>(duration<double>{plan->seconds});
    const auto begin = steady_clock::now();
    asio::steady_timer timer{co_await asio::this_coro::executor};
    // In steps, so that the progress can be watched.
    while (steady_clock::now() < begin + whole) {
        timer.expires_at(std::min(begin + whole, steady_clock::now() + milliseconds{250}));
        co_await timer.async_wait(asio::use_awaitable);
        attempt.progress(
            static_cast<int>(100 * (steady_clock::now() - begin) / std::max(whole, steady_clock::duration{1})));
    }
    if (attempt.number <= plan->fail_times)
        co_return jobs::Failure{
            jobs::Failure::Kind::retryable,
            {"planned_failure", fmt::format("failure {} of {}, as the payload asks", attempt.number, plan->fail_times)},
            {}};
    co_return jobs::Success{fmt::format(R"({{"slept_seconds":{},"attempt":{}}})", plan->seconds, attempt.number), {}};
}

} // namespace millrace::processors
