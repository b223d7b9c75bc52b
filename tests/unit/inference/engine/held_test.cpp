// What keeps ending workers, through the engine: refused without reaching a worker, told, and let in again.
#include "async/guarded.hpp"
#include "unit/inference/engine/hostile_fixture.hpp"

#include <signal.h>

using namespace millrace::inference::testing;

namespace {

struct Held : Hostile {
    async::Guarded<std::vector<std::string>> changes{};

    explicit Held(std::chrono::milliseconds first_hold) : Hostile{options_of(first_hold, this)} {}

    static EngineOptions options_of(std::chrono::milliseconds first_hold, Held* self) {
        auto options = hostile_options();
        options.quarantine.first_hold = first_hold;
        options.on_quarantine = [self](const QuarantineStatus& change) {
            self->changes.lock()->push_back((change.held ? "held " : "lifted ") + change.kind + " of " + change.model);
        };
        return options;
    }
    std::vector<std::string> told() { return *changes.lock(); }
    bool refuses(int act, int number = 0) {
        const auto outcome = run(act, number);
        INFO(said(outcome));
        if (outcome || outcome.error().reason != FailureReason::quarantined) return false;
        CHECK(outcome.error().retry_after_seconds >= 1);
        CHECK(outcome.error().message.find("quarantine") != std::string::npos);
        return true;
    }
    std::uint64_t restarts() { return engine.status().restarts; }
    void settle(std::uint64_t expected) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (restarts() < expected && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(5ms);
        CHECK(restarts() == expected);
    }
};

} // namespace

TEST_CASE("an input that ended three workers reaches no fourth, and nobody else is refused") {
    Held h{1h};
    for (int i = 0; i < 3; ++i) CHECK(h.run(hostile::abort_process).error().reason == FailureReason::worker_lost);
    h.settle(3);
    for (int i = 0; i < 20; ++i) CHECK(h.refuses(hostile::abort_process));
    CHECK(h.run(1).has_value());
    CHECK(h.honest_work_goes_on());
    CHECK(h.restarts() == 3);
    CHECK(h.told() == std::vector<std::string>{"held input of intruder"});
    CHECK(h.metrics.counter("millrace_quarantine_refused_total", "").value() == 20);
    CHECK(h.metrics.gauge("millrace_quarantined", "").value() == 1);
    CHECK(lines_with(h.logged(), "event=quarantined") == 1);
    const auto status = h.engine.status().quarantine;
    REQUIRE(status.size() == 1);
    CHECK(status[0].kind == "input");
    CHECK(status[0].workers_ended == 3);
}

TEST_CASE("a model that ends workers with many inputs is refused whole, hangs counted, and comes back by a probe") {
    Held h{1500ms};
    h.model = numbers(R"({"timeout_seconds":0.2})", 8, "intruder");
    for (const int act :
         {hostile::abort_process, hostile::hang, hostile::segmentation_fault, hostile::leave, hostile::lose_device})
        CHECK_FALSE(h.run(act).has_value());
    CHECK(h.refuses(1));
    CHECK(h.honest_work_goes_on());
    CHECK(h.told() == std::vector<std::string>{"held model of intruder"});
    std::this_thread::sleep_for(1600ms);
    CHECK_FALSE(h.refuses(hostile::abort_process, 7)); // the probe: it ends a worker
    CHECK(h.refuses(1));
    std::this_thread::sleep_for(3100ms); // twice as long
    CHECK(h.run(2).has_value());
    CHECK(h.run(3).has_value());
    CHECK(h.told() ==
          std::vector<std::string>{"held model of intruder", "held model of intruder", "lifted model of intruder"});
    CHECK(h.engine.status().quarantine.empty());
}

TEST_CASE("what waits when its model is quarantined is refused, too, and loading the model by hand lets it in") {
    Held h{1h};
    std::vector<std::future<Outcome>> crashing, waiting;
    for (int i = 0; i < 5; ++i) crashing.push_back(h.send(h.model, hostile::abort_process, i));
    for (auto& each : crashing) CHECK_FALSE(h.answer(std::move(each)).has_value());
    CHECK(h.refuses(1));
    boost::asio::io_context context;
    auto loaded = boost::asio::co_spawn(context, h.engine.load(h.model), boost::asio::use_future);
    context.run();
    CHECK(loaded.get().has_value());
    CHECK(h.run(1).has_value());
    CHECK(h.told() == std::vector<std::string>{"held model of intruder", "lifted model of intruder"});
}

TEST_CASE("a worker that somebody else ended puts nothing into quarantine") {
    Held h{1h};
    h.model = numbers(R"({"timeout_seconds":20})", 8, "intruder");
    CHECK(h.run(1).has_value());
    for (std::uint64_t times = 1; times <= 6; ++times) {
        ::kill(h.engine.status().pid, SIGKILL);
        h.settle(times);
        CHECK(h.run(1).has_value());
    }
    CHECK(h.told().empty());
}
