// What holds up the jobs of a lane, for whoever asks.
#include "jobs/dispatch/scheduler.hpp"

namespace millrace::jobs {

bool Scheduler::is_paused(const Queue& queue, Timestamp now) {
    const auto& pause = queue.active->pause;
    return pause && (!pause->until || *pause->until > now);
}

std::chrono::microseconds Scheduler::until_token(const Queue& queue) {
    const auto& rate = queue.active->settings.rate;
    if (!rate || queue.tokens >= one_token) return std::chrono::microseconds{0};
    return std::chrono::microseconds{static_cast<std::int64_t>((1 - queue.tokens) / *rate * 1e6)};
}

Standing Scheduler::standing(LaneIndex index, const Now& now) const {
    const auto& lane = queue_.at(index);
    auto& queue = *lane.queue;
    const auto& settings = queue.active->settings;
    const auto& its_kind = kinds_[lane.kind_index];
    Standing standing;
    standing.external = settings.external;
    if (is_paused(queue, now.wall)) standing.pause = queue.active->pause;
    standing.queue_running = queue.running;
    standing.queue_concurrency = settings.concurrency;
    standing.has_processor = lane.kind_index != 0;
    standing.kind_running = its_kind.running;
    standing.kind_concurrency = its_kind.concurrency;
    standing.slots_taken = slots_taken();
    standing.slots = options_.concurrency;
    standing.rate = settings.rate;
    if (settings.rate) {
        refill(queue, now.steady);
        standing.next_token = until_token(queue);
    }
    if (settings.breaker) standing.queue_breaker = queue.breaker.view(now.steady);
    if (lane.resource) standing.resource_breaker = lane.resource->breaker.view(now.steady);
    standing.probing = (settings.breaker && !queue.breaker.allows(now.steady)) ||
                       (lane.resource && !lane.resource->breaker.allows(now.steady));
    return standing;
}

} // namespace millrace::jobs
