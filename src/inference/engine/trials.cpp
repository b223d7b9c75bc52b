#include "inference/engine/trials.hpp"

#include <boost/asio/post.hpp>

#include <fmt/format.h>

#include <utility>

namespace millrace::inference {

void Trials::add(std::shared_ptr<const ModelVersion> model, Engine::CheckDone done) {
    if (stopped_) return done(Error{Code::unavailable, "the service is stopping"});
    if (waiting_.size() >= most_waiting)
        return done(Error{Code::unavailable,
                          fmt::format("{} other models wait for their trial; push it again later", waiting_.size())});
    waiting_.push_back({std::move(model), std::move(done)});
    start_next();
}

void Trials::start_next() {
    std::erase_if(running_, [](const auto& trial) { return trial->finished(); });
    while (!stopped_ && running_.size() < at_a_time && !waiting_.empty()) {
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        auto done = [this, done = std::move(next.done)](Result<CheckReport> report) {
            done(std::move(report));
            loop_.post([this] { start_next(); }); // when this trial has ended
        };
        running_.push_back(Trial::start(loop_, spawn_, options_.start_timeout, options_.load_timeout,
                                        std::move(next.model), denials_, log_, std::move(done)));
    }
}

void Trials::stop() {
    stopped_ = true;
    for (const auto& trial : std::exchange(running_, {})) trial->stop();
    for (const auto& each : std::exchange(waiting_, {})) each.done(Error{Code::unavailable, "the service is stopping"});
}

} // namespace millrace::inference
