// Stands in for the dispatcher: runs a processor's attempts on a thread of its own choice (this one), cancels them as
// the dispatcher does, and notes what it hears.
#pragma once
#include "jobs/processor.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::processors::testing {

using namespace std::chrono_literals;

class FakeDispatcher {
public:
    struct Run {
        std::optional<jobs::Outcome> outcome; // absent while it runs
        bool thrown = false;                  // it ended by an exception, as cancelled coroutines may
        std::vector<int> progress;
        asio::cancellation_signal stop;

        bool over() const { return outcome || thrown; }
        void cancel() { stop.emit(asio::cancellation_type::terminal); }
        bool succeeded() const { return outcome && std::holds_alternative<jobs::Success>(*outcome); }
        std::string result() const { return succeeded() ? std::get<jobs::Success>(*outcome).result : "(none)"; }
        jobs::Failure failure() const {
            return outcome && !succeeded() ? std::get<jobs::Failure>(*outcome)
                                           : jobs::Failure{jobs::Failure::Kind::retryable, {"(none)", "(none)"}, {}};
        }
    };

    std::shared_ptr<Run> start(jobs::Processor& processor, std::string payload, int number = 1,
                               std::chrono::milliseconds time = 600s) {
        auto run = std::make_shared<Run>(); // shared by the test and the attempt's callbacks
        jobs::Attempt attempt;
        attempt.job = JobId::make();
        attempt.kind = processor.kind();
        attempt.number = number;
        attempt.payload = std::move(payload);
        attempt.deadline = std::chrono::steady_clock::now() + time;
        attempt.progress = [run](int percent) { run->progress.push_back(percent); };
        last_job = attempt.job;
        auto ended = [run](std::exception_ptr thrown, jobs::Outcome outcome) {
            if (thrown) run->thrown = true;
            else run->outcome = std::move(outcome);
        };
        asio::co_spawn(context, processor.run(std::move(attempt)),
                       asio::bind_cancellation_slot(run->stop.slot(), std::move(ended)));
        return run;
    }

    // Works until the condition holds; false when it never does.
    template <class Condition>
    bool until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        context.restart();
        while (!condition() && std::chrono::steady_clock::now() < end) context.run_one_for(100ms);
        return condition();
    }
    bool finish(const std::shared_ptr<Run>& run) {
        return until([&] { return run->over(); });
    }
    std::shared_ptr<Run> run(jobs::Processor& processor, std::string payload, int number = 1) {
        auto run = start(processor, std::move(payload), number);
        REQUIRE(finish(run));
        return run;
    }

    asio::io_context context;
    JobId last_job;
};

} // namespace millrace::processors::testing
