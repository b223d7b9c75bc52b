#include "inference/engine/trial.hpp"

#include "inference/engine/device_worker.hpp"
#include "inference/engine/model_files.hpp"

namespace millrace::inference {

Trial::Trial(EngineLoop& loop, std::shared_ptr<const ModelVersion> model, Engine::CheckDone done)
    : loop_{loop},
      timer_{loop.context()},
      model_{std::move(model)},
      done_{std::move(done)} {}

std::shared_ptr<Trial> Trial::start(EngineLoop& loop, const SpawnOptions& spawn, std::chrono::milliseconds start_limit,
                                    std::chrono::milliseconds load_limit, std::shared_ptr<const ModelVersion> model,
                                    DenialLog& denials, telemetry::Log& log, Engine::CheckDone done) {
    std::shared_ptr<Trial> trial{new Trial{loop, std::move(model), std::move(done)}};
    if (!spawn.obstacle.empty()) {
        trial->finish(Error{Code::unavailable, spawn.obstacle + ": the model cannot be tried"});
        return trial;
    }
    auto worker = WorkerProcess::spawn(loop, spawn);
    if (!worker) {
        trial->finish(worker.error());
        return trial;
    }
    trial->worker_ = std::move(*worker);
    const auto pid = trial->worker_->pid();
    const std::string title = trial->model_->name + "/" + trial->model_->version + " on trial";
    trial->worker_->listen(
        [trial](frame::ToDaemon message) { trial->on_message(std::move(message)); },
        [trial](const std::string& why, bool) {
            trial->finish(Error{Code::unprocessable, "the model ended the worker that tried it: " + why});
        },
        [&denials, pid, title](const Denial& denial) {
            denials.tell(denial, pid, title, std::chrono::steady_clock::now());
        },
        [&log, pid, title](const std::string& line, std::uint64_t dropped) {
            log.info("worker printed",
                     {{"pid", pid}, {"model", title}, {"text", line}, {"not_logged_before", dropped}});
        });
    trial->load_limit_ = load_limit;
    trial->limit(start_limit,
                 {Code::unavailable, "the worker that was to try the model took too long to start; push it again"});
    return trial;
}

void Trial::limit(std::chrono::milliseconds time, Error error) {
    timer_.expires_after(time); // what was waited for before is cancelled
    timer_.async_wait(
        loop_.in_turn([trial = shared_from_this(), error = std::move(error)](const boost::system::error_code& failure) {
            if (!failure) trial->finish(error);
        }));
}

void Trial::on_message(frame::ToDaemon message) {
    if (const auto* hello = std::get_if<frame::Hello>(&message)) {
        if (!hello->error.empty()) return finish(Error{Code::unavailable, hello->error});
        auto files = open_model_files(*model_);
        if (!files) return finish(files.error());
        limit(load_limit_,
              {Code::unprocessable, "the model took too long to load and run once (inference.load_timeout_seconds)"});
        worker_->send(load_message(1, *model_), std::move(*files));
    } else if (const auto* loaded = std::get_if<frame::Loaded>(&message)) {
        if (!loaded->error.empty()) return finish(Error{Code::unprocessable, loaded->error});
        finish(report_of(*loaded));
    }
}

void Trial::stop() { finish(Error{Code::unavailable, "the service is stopping"}); }

void Trial::finish(Result<CheckReport> result) {
    const auto self = shared_from_this(); // the worker's callbacks are among the owners
    timer_.cancel();
    if (const auto worker = std::exchange(worker_, nullptr)) worker->end();
    if (const auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

} // namespace millrace::inference
