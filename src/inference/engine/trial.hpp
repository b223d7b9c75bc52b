// The trial of a model before it is registered: a worker of its own loads it, warms it up, reports and is ended.
#pragma once
#include "inference/engine.hpp"
#include "inference/process/denial_log.hpp"
#include "inference/process/supervisor.hpp"

#include <boost/asio/steady_timer.hpp>

namespace millrace::inference {

// On the thread of the loop, in its turn. Keeps itself alive until it has called `done`, once.
class Trial : public std::enable_shared_from_this<Trial> {
public:
    static std::shared_ptr<Trial> start(EngineLoop& loop, const SpawnOptions& spawn,
                                        std::chrono::milliseconds start_limit, std::chrono::milliseconds load_limit,
                                        std::shared_ptr<const ModelVersion> model, DenialLog& denials,
                                        telemetry::Log& log, Engine::CheckDone done);
    void stop(); // ends as unavailable
    bool finished() const { return !done_; }

private:
    Trial(EngineLoop& loop, std::shared_ptr<const ModelVersion> model, Engine::CheckDone done);
    void on_message(frame::ToDaemon message);
    void limit(std::chrono::milliseconds time, Error error);
    void finish(Result<CheckReport> result);

    EngineLoop& loop_;
    boost::asio::steady_timer timer_;
    std::chrono::milliseconds load_limit_{0};
    std::shared_ptr<const ModelVersion> model_; // shared with the caller
    Engine::CheckDone done_;
    std::shared_ptr<WorkerProcess> worker_; // shared with its pending reads
};

} // namespace millrace::inference
