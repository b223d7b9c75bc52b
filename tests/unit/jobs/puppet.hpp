// A processor whose attempts end when and as the test says.
#pragma once
#include "async/guarded.hpp"
#include "jobs/processor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <memory>
#include <vector>

namespace millrace::jobs::test {

class Puppet final : public Processor {
public:
    explicit Puppet(std::string kind = "puppet", std::size_t concurrency = 1000)
        : kind_{std::move(kind)},
          concurrency_{concurrency} {}

    std::string_view kind() const override { return kind_; }
    std::size_t concurrency() const override { return concurrency_; }
    Result<void> check(OrganizationId, const boost::json::value& payload) const override {
        if (payload.is_object() && payload.as_object().contains("bad"))
            return Error{Code::unprocessable, "\"bad\" can never work"};
        return success();
    }
    std::string resource(const boost::json::value& payload) const override {
        const auto* model = payload.is_object() ? payload.as_object().if_contains("model") : nullptr;
        return model ? std::string{model->as_string()} : std::string{};
    }
    awaitable<Outcome> run(Attempt attempt) override {
        const auto executor = co_await asio::this_coro::executor;
        auto act = std::make_shared<Act>(Act{
            attempt, asio::steady_timer{executor, asio::steady_timer::time_point::max()}, {}}); // shared with the test
        if (stubborn) co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (!closed_) acts_.lock()->push_back(act);
        co_await act->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        std::erase(*acts_.lock(), act);
        if (!act->outcome) ++stopped;
        if (!act->outcome) co_return Failure{Failure::Kind::retryable, {"stopped", "it heard that it is to stop"}, {}};
        co_return std::move(*act->outcome);
    }

    // ── the test's thread ──
    std::vector<Attempt> running() {
        std::vector<Attempt> all;
        const auto acts = *acts_.lock();
        for (const auto& act : acts) all.push_back(act->attempt);
        return all;
    }
    // False when no such attempt runs.
    bool finish(JobId job, Outcome outcome = Success{"\"done\"", {}}) {
        const auto acts = *acts_.lock();
        for (const auto& act : acts) {
            if (act->attempt.job != job) continue;
            asio::post(act->timer.get_executor(), [act, outcome = std::move(outcome)]() mutable {
                act->outcome = std::move(outcome);
                act->timer.cancel();
            });
            return true;
        }
        return false;
    }
    void progress(JobId job, int percent) {
        const auto acts = *acts_.lock();
        for (const auto& act : acts)
            if (act->attempt.job == job)
                asio::post(act->timer.get_executor(), [act, percent] { act->attempt.progress(percent); });
    }

    // Their daemon dies, another begins.
    void close() {
        closed_ = true;
        acts_.lock()->clear();
    }
    void open() { closed_ = false; }

    std::atomic<bool> stubborn{false}; // attempts that begin from now on do not hear that they are to stop
    std::atomic<int> stopped{0};       // attempts that heard it

private:
    struct Act {
        Attempt attempt;
        asio::steady_timer timer;
        std::optional<Outcome> outcome;
    };
    std::string kind_;
    std::size_t concurrency_;
    std::atomic<bool> closed_{false};
    async::Guarded<std::vector<std::shared_ptr<Act>>> acts_;
};

inline Failure failure(std::string code = "broken", Failure::Kind kind = Failure::Kind::retryable) {
    return {kind, {std::move(code), "it broke"}, {}};
}

} // namespace millrace::jobs::test
