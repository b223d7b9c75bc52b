#include "jobs/dispatch/scheduler.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using std::chrono::microseconds;

bool is_external(const Queue& queue) { return queue.active->settings.external; }

} // namespace

void Scheduler::add_kind(std::string_view kind, std::size_t concurrency) {
    if (kind_by_name_.try_emplace(std::string{kind}, static_cast<KindIndex>(kinds_.size())).second)
        kinds_.push_back({concurrency, 0});
}

LaneIndex Scheduler::lane(const OrganizationId& organization, std::string_view queue, std::string_view kind,
                          std::string_view resource) {
    const auto its = table_.queue(organization, queue);
    const auto known = kind_by_name_.find(kind);
    if (known == kind_by_name_.end()) return queue_.lane(its, "", nullptr);
    return queue_.lane(its, kind, resource.empty() ? nullptr : &table_.resource(organization, kind, resource),
                       known->second);
}

// A breaker that is switched off forgets everything: switched on again it begins closed, and waits for no probe.
void Scheduler::rules_changed(Queue& queue) {
    queue.active = queue.rules();
    if (!queue.active->settings.breaker) queue.breaker.reset();
}

Scheduler::Kind& Scheduler::kind(const ReadyQueue::Lane& lane) { return kinds_[lane.kind_index]; }

void Scheduler::refill(Queue& queue, Monotonic now) const {
    const auto& rate = queue.active->settings.rate;
    if (!rate) return;
    const double most = std::max(1.0, *rate);
    if (queue.refilled == Monotonic{}) queue.tokens = most;
    else
        queue.tokens =
            std::min(most, queue.tokens + *rate * std::chrono::duration<double>(now - queue.refilled).count());
    queue.refilled = now;
}

bool Scheduler::queue_open(const ReadyQueue::Lane& lane, const Now& now) const {
    auto& queue = *lane.queue;
    if (is_paused(queue, now.wall)) return false;
    const auto& settings = queue.active->settings;
    if (settings.concurrency && queue.running >= *settings.concurrency) return false;
    if (settings.rate) {
        refill(queue, now.steady);
        if (queue.tokens < one_token) return false;
    }
    if (settings.breaker && !queue.breaker.allows(now.steady)) return false;
    return !lane.resource || lane.resource->breaker.allows(now.steady);
}

bool Scheduler::open(const ReadyQueue::Lane& lane, const Now& now) const {
    const auto& kind = kinds_[lane.kind_index];
    return !is_external(*lane.queue) && kind.running < kind.concurrency && queue_open(lane, now);
}

void Scheduler::occupy(const ReadyQueue::Lane& lane, const Now& now) {
    auto& queue = *lane.queue;
    ++queue.running;
    if (queue.active->settings.rate) queue.tokens -= 1;
    if (queue.active->settings.breaker) queue.breaker.began(now.steady);
    if (lane.resource) lane.resource->breaker.began(now.steady);
    if (!is_external(queue)) ++kind(lane).running;
}

bool Scheduler::reserve() {
    auto taken = slots_taken_.load(std::memory_order_relaxed);
    while (taken < options_.concurrency)
        if (slots_taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed)) return true;
    return false;
}

void Scheduler::resumed(LaneIndex index, const Now& now, bool has_slot) {
    queue_.hold(index);
    const auto& lane = queue_.at(index);
    if (is_external(*lane.queue)) {
        if (has_slot) unreserve();
    } else if (!has_slot) {
        slots_taken_.fetch_add(1, std::memory_order_relaxed);
    }
    occupy(lane, now);
}

std::vector<Waiting> Scheduler::take(std::size_t most, const Now& now) {
    std::vector<Waiting> taken;
    queue_.release_due(now);
    const ReadyQueue::Open is_open = [&](const ReadyQueue::Lane& lane) { return open(lane, now); };
    while (taken.size() < most && reserve()) {
        const auto job = queue_.pop(is_open, now);
        if (!job) {
            unreserve();
            break;
        }
        occupy(queue_.at(job->lane), now);
        taken.push_back(*job);
    }
    return taken;
}

std::vector<Waiting> Scheduler::take_external(const Queue& queue, std::size_t most, const Now& now) {
    std::vector<Waiting> taken;
    queue_.release_due(now);
    const ReadyQueue::Open is_open = [&](const ReadyQueue::Lane& lane) {
        return lane.queue.get() == &queue && is_external(queue) && queue_open(lane, now);
    };
    while (taken.size() < most) {
        const auto job = queue_.pop(is_open, now);
        if (!job) break;
        occupy(queue_.at(job->lane), now);
        taken.push_back(*job);
    }
    return taken;
}

Scheduler::Changed Scheduler::ended(LaneIndex index, AttemptVerdict verdict, const Now& now) {
    const auto& lane = queue_.at(index);
    auto& queue = *lane.queue;
    --queue.running;
    if (!is_external(queue)) {
        unreserve();
        --kind(lane).running;
    }
    Changed changed;
    const auto tell = [&](values::Breaker& breaker) {
        if (verdict != AttemptVerdict::nothing) return breaker.record(verdict == AttemptVerdict::success, now.steady);
        breaker.gave_up();
        return false;
    };
    if (queue.active->settings.breaker) changed.queue = tell(queue.breaker);
    if (lane.resource) changed.resource = tell(lane.resource->breaker);
    queue_.release(index);
    return changed;
}

std::optional<microseconds> Scheduler::next_change(const Now& now) const {
    auto wait = queue_.next_due(now);
    const auto sooner = [&](microseconds other) {
        wait = std::max(std::min(wait.value_or(other), other), microseconds{0});
    };
    queue_.each_active([&](const ReadyQueue::Lane& lane) {
        if (lane.queued <= 0) return;
        const auto& rules = *lane.queue->active;
        if (rules.pause && rules.pause->until && *rules.pause->until > now.wall) sooner(*rules.pause->until - now.wall);
        refill(*lane.queue, now.steady); // what has come in since is waited for no more
        if (rules.settings.rate && lane.queue->tokens < one_token) sooner(until_token(*lane.queue) + microseconds{1});
        for (const auto* breaker : {&lane.queue->breaker, lane.resource ? &lane.resource->breaker : nullptr}) {
            if (!breaker) continue;
            const auto probe = breaker->next_probe();
            if (probe && *probe > now.steady)
                sooner(std::chrono::duration_cast<microseconds>(*probe - now.steady) + microseconds{1});
        }
    });
    return wait;
}

} // namespace millrace::jobs
