// The engine with a runtime that attacks it (tests/hostile), and a log that can be read.
#pragma once
#include "hostile/acts.hpp"
#include "unit/inference/engine_fixture.hpp"

#include <sys/mman.h>

namespace millrace::inference::testing {

inline std::filesystem::path hostile_runtime() {
    const auto programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    return std::filesystem::weakly_canonical(programs / "../tests/hostile/libhostile_runtime.so");
}

inline EngineOptions hostile_options() {
    EngineOptions options;
    options.runtime = hostile_runtime();
    options.first_backoff = 10ms;
    options.longest_backoff = 50ms;
    options.quarantine.first_hold = 0ms; // so that one model may try everything
    return options;
}

// An engine whose log can be read.
struct Hostile {
    Descriptor file{::memfd_create("log", MFD_CLOEXEC)};
    telemetry::Log log{telemetry::Level::info, telemetry::LogFormat::logfmt, file.get()};
    telemetry::Metrics metrics;
    Engine engine;
    std::shared_ptr<const ModelVersion> model = numbers(R"({"timeout_seconds":0.5})", 8, "intruder");
    std::shared_ptr<const ModelVersion> other = numbers(R"({"timeout_seconds":20})", 8, "honest");

    explicit Hostile(EngineOptions options = hostile_options()) : engine{std::move(options), log, metrics} {
        engine.start();
    }

    // The same act with another number is another input.
    std::future<Outcome> send(const std::shared_ptr<const ModelVersion>& to, int act, int number = 0) {
        auto promise = std::make_shared<std::promise<Outcome>>();
        auto future = promise->get_future();
        engine.predict({to, json_input("[" + std::to_string(act) + "," + std::to_string(number) + ",2,3]"), 5,
                        Monotonic::max(), false},
                       [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
        return future;
    }
    Outcome run(int act, int number = 0) { return answer(send(model, act, number)); }
    Outcome answer(std::future<Outcome> future) {
        REQUIRE(future.wait_for(60s) == std::future_status::ready);
        return future.get();
    }
    std::string logged() const {
        std::string text(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
        return ::pread(file.get(), text.data(), text.size(), 0) < 0 ? "" : text;
    }
    std::uint64_t denied() { return metrics.counter("millrace_worker_denied_total", "").value(); }
    bool honest_work_goes_on() {
        const auto outcome = answer(send(other, 21));
        if (!outcome) MESSAGE(said(outcome));
        return outcome && outcome->result.at("outputs").at(0).at("data").at(0).as_double() == 42;
    }
};

inline int lines_with(const std::string& text, const std::string& part) {
    int count = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
    return count;
}

} // namespace millrace::inference::testing
