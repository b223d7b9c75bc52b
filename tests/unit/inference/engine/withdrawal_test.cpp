// Requests that nobody wants any more: with a real worker and a model that hangs when it is told to.
#include "unit/inference/engine_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <sys/mman.h>

using namespace millrace::inference::testing;

namespace {

EngineOptions with_grace(std::chrono::milliseconds grace) {
    EngineOptions options;
    options.cancel_grace = grace;
    return options;
}

bool was_withdrawn(std::future<Outcome>& answer) {
    if (answer.wait_for(30s) != std::future_status::ready) return false;
    const auto outcome = answer.get();
    INFO(said(outcome));
    return !outcome && outcome.error().reason == FailureReason::cancelled && !outcome.error().killed_worker;
}

// In a file, as the inputs of jobs are.
Input in_file(const std::string& text) {
    Input input{"application/json", "", Descriptor{::memfd_create("test", MFD_CLOEXEC)}, text.size(), {}};
    REQUIRE(::write(input.file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return input;
}

} // namespace

TEST_CASE("a withdrawn request that waits ends at once, and the others go on") {
    if (!has_runtime()) return;
    Fixture f{with_grace(60s)};
    const auto model = numbers(R"({"timeout_seconds":60})", 1);
    auto running = f.send(model, first_value(902)); // the device is taken until the end of this test
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.in_flight >= 1; }, 30s));
    std::vector<std::future<Outcome>> waiting;
    std::vector<Engine::Ticket> tickets;
    for (int i = 0; i < 5; ++i) {
        waiting.push_back(f.send(model, first_value(i)));
        tickets.push_back(f.last_ticket);
    }
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.queued == 4; }, 10s)); // one was sent ahead
    for (const std::size_t i : {2u, 4u, 2u}) f.engine->withdraw(tickets[i]);
    CHECK(was_withdrawn(waiting[2]));
    CHECK(was_withdrawn(waiting[4]));
    CHECK(f.wait_for([](const WorkerStatus& s) { return s.queued == 2; }, 10s));
    CHECK(f.engine->status().restarts == 0);
    for (const std::size_t i : {0u, 1u, 3u}) CHECK(waiting[i].wait_for(0s) == std::future_status::timeout);
    f.engine->withdraw(12'345); // nobody's
    f.engine->stop();
    for (const std::size_t i : {0u, 1u, 3u}) CHECK(waiting[i].get().error().reason == FailureReason::unavailable);
    CHECK(running.get().error().reason == FailureReason::unavailable);
}

TEST_CASE("a request that is withdrawn while its model loads is never run") {
    if (!has_runtime()) return;
    Fixture f{with_grace(60s)};
    const auto model = numbers();
    auto first = f.send(model, first_value(902)); // would hang
    const auto ticket = f.last_ticket;
    f.engine->withdraw(ticket);
    f.engine->withdraw(ticket);
    CHECK(was_withdrawn(first));
    CHECK(f.run(model, first_value(1)).has_value());
}

TEST_CASE("a withdrawn request that hangs loses its worker after the grace, and what shared it is run again") {
    if (!has_runtime()) return;
    Fixture f{with_grace(300ms)};
    const auto model = numbers(R"({"timeout_seconds":60})", 4);
    std::vector<std::future<Outcome>> innocent;
    auto hanging = f.send(model, first_value(902)); // the model is not loaded: all of the first four become one batch
    const auto ticket = f.last_ticket;
    innocent.push_back(f.send(model, first_value(1)));
    innocent.push_back(f.send(model, in_file("[2,1,2,3]")));
    innocent.push_back(f.send(model, first_value(3)));
    for (int i = 4; i < 8; ++i) innocent.push_back(f.send(model, first_value(i))); // the batch behind it
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.in_flight == 8; }, 30s));
    f.engine->withdraw(ticket);
    CHECK(was_withdrawn(hanging));
    for (std::size_t i = 0; i < innocent.size(); ++i) {
        REQUIRE(innocent[i].wait_for(30s) == std::future_status::ready);
        const auto outcome = innocent[i].get();
        INFO(said(outcome));
        REQUIRE(outcome.has_value());
        CHECK(outcome->result.at("outputs").at(0).at("data").at(0).as_double() == 2.0 * static_cast<double>(i + 1));
    }
    CHECK(f.engine->status().restarts == 1);
}

TEST_CASE("a withdrawn request that ends within the grace costs no worker") {
    if (!has_runtime()) return;
    Fixture f{with_grace(30s)};
    const auto model = numbers(R"({"timeout_seconds":3})", 1); // its own limit ends it before the grace does
    auto hanging = f.send(model, first_value(902));
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.in_flight == 1; }, 30s));
    f.engine->withdraw(f.last_ticket);
    CHECK(was_withdrawn(hanging));

    const auto quick = numbers(R"({"timeout_seconds":60})", 1, "quick");
    f.run(quick, first_value(1));
    const auto restarts = f.engine->status().restarts;
    for (int i = 0; i < 200; ++i) { // whatever the moment, there is one answer, and the worker lives
        auto answer = f.send(quick, first_value(i));
        f.engine->withdraw(f.last_ticket);
        REQUIRE(answer.wait_for(30s) == std::future_status::ready);
        const auto outcome = answer.get();
        if (!outcome) CHECK(outcome.error().reason == FailureReason::cancelled);
    }
    CHECK(f.engine->status().restarts == restarts);
}

TEST_CASE("a hung model takes only its own batch with it: what was sent ahead is run by the next worker") {
    if (!has_runtime()) return;
    Fixture f;
    const auto model = numbers(R"({"timeout_seconds":0.5})", 1);
    auto hanging = f.send(model, first_value(902)); // both wait for the model, and are then sent one behind the other
    auto behind = f.send(model, in_file("[7,1,2,3]"));
    CHECK(hanging.get().error().reason == FailureReason::timed_out);
    REQUIRE(behind.wait_for(30s) == std::future_status::ready);
    const auto outcome = behind.get();
    INFO(said(outcome));
    REQUIRE(outcome.has_value());
    CHECK(outcome->result.at("outputs").at(0).at("data").at(0).as_double() == 14.0);
}

TEST_CASE("cancelling a coroutine withdraws the prediction that it awaits") {
    if (!has_runtime()) return;
    Fixture f{with_grace(200ms)};
    const auto model = numbers(R"({"timeout_seconds":60})", 1);
    asio::io_context context;
    asio::cancellation_signal stop;
    std::optional<Outcome> outcome;
    bool began = false;
    auto ask = [&]() -> awaitable<void> {
        began = true;
        Request request{model, first_value(902)};
        outcome = co_await f.engine->predict(std::move(request));
    };
    asio::co_spawn(context, ask(), asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    context.poll();
    REQUIRE(began);
    REQUIRE(f.wait_for([](const WorkerStatus& s) { return s.in_flight == 1; }, 30s));
    stop.emit(asio::cancellation_type::terminal);
    stop.emit(asio::cancellation_type::terminal);
    context.run_for(30s);
    REQUIRE(outcome.has_value());
    REQUIRE(!*outcome);
    CHECK(outcome->error().reason == FailureReason::cancelled);
    CHECK(f.run(model, first_value(2)).has_value());
}

TEST_CASE("withdrawing after the engine has stopped does nothing") {
    Fixture f;
    auto answer = f.send(numbers(), first_value(1));
    const auto ticket = f.last_ticket;
    f.engine->stop();
    CHECK(answer.get().error().reason == FailureReason::unavailable);
    f.engine->withdraw(ticket);
}
