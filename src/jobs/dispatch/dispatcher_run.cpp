// From the line to a running attempt: claims, and the coroutines of the processors.
#include "base/crash_point.hpp"
#include "base/crypto.hpp"
#include "jobs/dispatcher.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace millrace::jobs {
namespace {

constexpr std::size_t claim_batch = 256;

} // namespace

std::int64_t new_lease_token() {
    std::int64_t token = 0;
    random_bytes(std::as_writable_bytes(std::span{&token, 1}));
    return token;
}

void Dispatcher::pump() {
    if (!stopping_) {
        serve_workers();
        for (;;) {
            auto batch = scheduler_.take(claim_batch, now());
            if (batch.empty()) break;
            claim(std::move(batch));
        }
    }
    arm_timer();
}

void Dispatcher::claim(std::vector<Waiting> batch) {
    for (const auto& job : batch) {
        claiming_.emplace(job.id, false);
        left_line(job);
    }
    auto jobs = std::make_shared<const std::vector<Waiting>>(std::move(batch)); // shared by the task and its callback
    database_.post_write(
        [this, jobs](store::Session& session) -> Result<std::vector<std::optional<Lease>>> {
            crash_point("claim.before_write");
            std::vector<std::optional<Lease>> leases;
            leases.reserve(jobs->size());
            const Timestamp at = clock_.now();
            for (const auto& job : *jobs)
                leases.push_back(attempt_repository::claim(session, job.id, new_lease_token(), at, std::nullopt, {}));
            return leases;
        },
        [this, jobs](Result<std::vector<std::optional<Lease>>> leases) {
            send([this, jobs, leases = std::move(leases)]() mutable {
                crash_point("claim.before_run");
                if (leases) {
                    begin(std::move(*leases), *jobs);
                    return;
                }
                log_.error("jobs could not be claimed; they stay queued",
                           {{"jobs", jobs->size()}, {"reason", leases.error().detail}});
                for (const auto& job : *jobs) put_back(job, true);
            });
        });
}

bool Dispatcher::reserve(const Queue& queue, std::string_view kind, std::string_view resource) {
    if (draining_ || backlog_.load(std::memory_order_relaxed) > 0) return false;
    const auto* runs = processor(kind);
    if (!runs || runs->concurrency() < options_.scheduler.concurrency) return false;
    const auto rules = queue.rules();
    if (rules->pause || rules->settings.concurrency || rules->settings.rate || rules->settings.external ||
        !queue.breaker.is_closed())
        return false;
    if (!resource.empty()) {
        const auto* its = table_.find_resource(queue.organization, kind, resource);
        if (!its || !its->breaker.is_closed()) return false;
    }
    return scheduler_.reserve();
}

void Dispatcher::begin_at_once(Lease lease, Arrival arrival) {
    send([this, lease = std::move(lease), arrival = std::move(arrival)]() mutable {
        crash_point("submit.before_run");
        const auto job = waiting(arrival);
        scheduler_.resumed(job.lane, now(), true);
        scheduler_.queue().at(job.lane).queue->submitted.add(clock_.monotonic());
        submitted_total_.add();
        if (ended_at_once_.erase(job.id) > 0) return give_back(job.lane, Scheduler::Verdict::nothing);
        run(seat(std::move(lease), job));
    });
}

// The job was taken from the line, and was not there to be claimed.
void Dispatcher::not_claimed(JobId id, LaneIndex lane) {
    const auto at = claiming_.find(id);
    if (at != claiming_.end()) {
        if (!at->second) lost_claims_.insert(id);
        claiming_.erase(at);
    }
    give_back(lane, Scheduler::Verdict::nothing);
}

// A lease for a job that was ended while its claim was on its way. Mostly the end came after it and took it. But a job
// may be ended and retried before: then the lease is good, nobody works under it, and the job has to wait again.
void Dispatcher::let_go(std::int64_t token, const Waiting& job) {
    scheduler_.queue().hold(job.lane); // until the store has answered
    database_.post_write(
        [id = job.id, token](store::Session& session) -> Result<std::optional<Timestamp>> {
            return attempt_repository::release(session, id, token);
        },
        [this, job](Result<std::optional<Timestamp>> released) {
            send([this, job, due = released ? *released : std::nullopt] {
                if (due) {
                    lost_claims_.erase(job.id); // its retry was put in line, and could not be claimed under that lease
                    backlog_.fetch_add(1, std::memory_order_relaxed);
                    scheduler_.queue().at(job.lane).queue->waiting.fetch_add(1, std::memory_order_relaxed);
                    scheduler_.queue().push({job.id, *due, job.lane, job.priority, job.owner}, now());
                }
                scheduler_.queue().release(job.lane);
            });
        });
}

Dispatcher::RunningPtr Dispatcher::seat(Lease lease, const Waiting& job) {
    const auto at = now();
    auto running = std::make_shared<Running>();
    running->lane = job.lane;
    running->owner = job.owner;
    running->began = at.steady;
    // Its timeout counts on the monotonic clock; tick() looks for its deadline_at on the wall clock, whatever becomes
    // of that.
    running->deadline = at.steady + std::chrono::microseconds{static_cast<std::int64_t>(lease.timeout_seconds * 1e6)};
    running->lease = std::move(lease);
    running_[job.id] = running;
    scheduler_.queue().at(job.lane).queue->started.add(at.steady);
    return running;
}

void Dispatcher::begin(std::vector<std::optional<Lease>> leases, const std::vector<Waiting>& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto& job = batch[i];
        const auto claiming = claiming_.find(job.id);
        const bool ended_meanwhile = claiming != claiming_.end() && claiming->second;
        if (!leases[i] || ended_meanwhile) {
            if (leases[i]) let_go(leases[i]->token, job);
            not_claimed(job.id, job.lane);
            continue;
        }
        if (claiming != claiming_.end()) claiming_.erase(claiming);
        run(seat(std::move(*leases[i]), job));
    }
}

void Dispatcher::run(RunningPtr running) {
    const auto& lease = running->lease;
    auto& processor = *processors_.find(lease.kind)->second;
    Attempt work;
    work.job = lease.id;
    work.organization = lease.organization;
    work.kind = lease.kind;
    work.queue = lease.queue;
    work.number = lease.attempt;
    work.priority = lease.priority;
    work.payload = lease.payload;
    work.deadline = running->deadline;
    // The shorter one in microseconds: the steady clock counts nanoseconds, which 300 years overflow.
    if (lease.deadline_at) {
        const std::chrono::microseconds timeout{static_cast<std::int64_t>(lease.timeout_seconds * 1e6)};
        work.deadline = running->began + std::min(timeout, *lease.deadline_at - clock_.now());
    }
    work.progress = [weak = std::weak_ptr{running}](int percent) {
        if (const auto its = weak.lock()) its->progress = std::clamp(percent, 0, 100);
    };
    auto ended = [this, running](std::exception_ptr thrown, Outcome outcome) {
        if (thrown) outcome = Failure{Failure::Kind::retryable, {"cancelled", "the attempt was stopped"}, {}};
        stopped(running, std::move(outcome));
    };
    asio::co_spawn(thread_.at(0), attempt(processor, std::move(work)),
                   asio::bind_cancellation_slot(running->stop.slot(), std::move(ended)));
}

awaitable<Outcome> Dispatcher::attempt(Processor& processor, Attempt attempt) {
    std::string what;
    try {
        co_return co_await processor.run(std::move(attempt));
    } catch (const std::exception& e) { what = e.what(); }
    co_return Failure{Failure::Kind::retryable, {"internal", what}, {}};
}

void Dispatcher::stopped(const RunningPtr& running, Outcome outcome) {
    running->stopped = true;
    if (running->ending) give_back(*running); // it was timed out or cancelled: this comes too late
    else record({running, std::move(outcome), std::nullopt});
}

void Dispatcher::give_back(Running& running) {
    if (running.stopped && running.recorded) give_back(running.lane, running.verdict);
}

void Dispatcher::give_back(LaneIndex lane, Scheduler::Verdict verdict) {
    tell_breakers(lane, scheduler_.ended(lane, verdict, now()));
    look_again();
}

} // namespace millrace::jobs
