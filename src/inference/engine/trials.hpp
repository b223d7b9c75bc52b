// The trials of models: a few at a time, for each takes a worker with its memory; the others wait in their order.
#pragma once
#include "inference/engine/trial.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace millrace::inference {

// On the thread of the loop, in its turn. Borrows all that it is given.
class Trials {
public:
    static constexpr std::size_t at_a_time = 2, most_waiting = 32;

    Trials(EngineLoop& loop, const SpawnOptions& spawn, const EngineOptions& options, DenialLog& denials,
           telemetry::Log& log)
        : loop_{loop},
          spawn_{spawn},
          options_{options},
          denials_{denials},
          log_{log} {}

    void add(std::shared_ptr<const ModelVersion> model, Engine::CheckDone done);
    void stop(); // all end as unavailable, and so does what is added later

private:
    struct Waiting {
        std::shared_ptr<const ModelVersion> model; // shared with the caller
        Engine::CheckDone done;
    };
    void start_next();

    EngineLoop& loop_;
    const SpawnOptions& spawn_;
    const EngineOptions& options_;
    DenialLog& denials_;
    telemetry::Log& log_;
    std::vector<std::shared_ptr<Trial>> running_; // shared with their own callbacks
    std::deque<Waiting> waiting_;
    bool stopped_ = false;
};

} // namespace millrace::inference
