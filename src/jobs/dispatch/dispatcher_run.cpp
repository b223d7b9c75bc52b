// From the line to a running attempt: claims, and the coroutines of the processors.
#include "base/crash_point.hpp"
#include "base/crypto.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/leases/claiming.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace millrace::jobs {
namespace {

constexpr std::size_t claim_batch = 256;

} // namespace

std::int64_t new_lease_token() { return static_cast<std::int64_t>(random64()); }

// ── slots ────────────────────────────────────────────────────────────────────────────────────────────────────────

bool Dispatcher::reserve(const Queue& queue, std::string_view kind, std::string_view resource) {
    if (admission_.closed() || backlog() > 0) return false;
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

void Dispatcher::unreserve() {
    scheduler_.unreserve();
    look_again();
}

// ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────

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

// Shared by the task that claims them and its callback.
std::shared_ptr<const std::vector<Waiting>> Dispatcher::take_from_line(std::vector<Waiting> batch,
                                                                       std::optional<std::chrono::milliseconds> lease) {
    for (const auto& job : batch) {
        const auto attempt = std::make_shared<LiveAttempt>();
        attempt->job = job;
        attempt->external = lease;
        attempts_.emplace(job.id, attempt);
        admission_.left(queue_of(job));
    }
    return std::make_shared<const std::vector<Waiting>>(std::move(batch));
}

void Dispatcher::claim(std::vector<Waiting> batch) {
    const auto jobs = take_from_line(std::move(batch), std::nullopt);
    database_.post_write(
        [this, jobs](store::SystemSession& session) -> Result<void> {
            crash_point("claim.before_write");
            const Timestamp at = clock_.now();
            std::vector<attempt_repository::Claim> claims;
            for (const auto& job : *jobs) claims.push_back({job.id, new_lease_token()});
            claim_jobs(session, claims, at, std::nullopt, {});
            return success();
        },
        [this, jobs](const Result<void>& done) {
            crash_point("claim.before_run");
            if (done) return;
            send([this, jobs, why = done.error().detail] {
                log_.error("jobs could not be claimed; they stay queued", {{"jobs", jobs->size()}, {"reason", why}});
                for (const auto& job : *jobs) put_back(job, true);
            });
        });
}

// Taken from the line, and not claimed: it waits again where it stood, or in a second. Whoever has ended meanwhile does
// not.
void Dispatcher::put_back(const Waiting& taken, bool later) {
    const auto attempt = find(taken.id);
    if (!attempt) return;
    const auto job = attempt->job;
    const bool waits = attempt->state == AttemptState::claiming;
    if (waits) {
        admission_.joined(queue_of(job));
        if (later) line().push_after(job, clock_.monotonic() + std::chrono::seconds{1});
        else line().put_back(job, now());
    }
    step(attempt, AttemptEvent::not_written);
}

// ── attempts ─────────────────────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::seat(LiveAttempt& attempt, std::shared_ptr<const Lease> lease) {
    const auto at = clock_.monotonic();
    attempt.began = at;
    // Its timeout counts on the monotonic clock; tick() looks for its deadline_at on the wall clock, whatever becomes
    // of that.
    attempt.deadline = at + std::chrono::microseconds{static_cast<std::int64_t>(lease->timeout_seconds * 1e6)};
    if (attempt.external) attempt.lease_ends = at + *attempt.external;
    attempt.lease = std::move(lease);
    queue_of(attempt.job).started.add(at);
}

void Dispatcher::run(const LiveAttemptPtr& attempt) {
    const auto& lease = *attempt->lease;
    auto& processor = *processors_.find(lease.kind)->second;
    Attempt work;
    work.job = lease.id;
    work.organization = lease.organization;
    work.kind = lease.kind;
    work.queue = lease.queue;
    work.number = lease.attempt;
    work.priority = lease.priority;
    work.payload = lease.payload;
    work.deadline = attempt->deadline;
    // The shorter one in microseconds: the steady clock counts nanoseconds, which 300 years overflow.
    if (lease.deadline_at) {
        const std::chrono::microseconds timeout{static_cast<std::int64_t>(lease.timeout_seconds * 1e6)};
        work.deadline = attempt->began + std::min(timeout, *lease.deadline_at - clock_.now());
    }
    work.progress = [this, weak = std::weak_ptr{attempt}](int percent) {
        if (const auto its = weak.lock()) set_progress(*its, percent);
    };
    auto came_back = [this, attempt](const std::exception_ptr& thrown, Outcome outcome) {
        if (thrown) outcome = Failure{Failure::Kind::retryable, {"cancelled", "the attempt was stopped"}, {}};
        returned(attempt, std::move(outcome));
    };
    asio::co_spawn(thread_.at(0), process(processor, std::move(work)),
                   asio::bind_cancellation_slot(attempt->stop.slot(), std::move(came_back)));
}

void Dispatcher::set_progress(LiveAttempt& attempt, int percent) {
    percent = std::clamp(percent, 0, 100);
    if (std::exchange(attempt.progress, percent) == percent || !attempt.has_begun()) return;
    const auto& lease = *attempt.lease;
    told_progress_({lease.id, lease.organization, lease.queue, lease.kind, percent});
}

awaitable<Outcome> Dispatcher::process(Processor& processor, Attempt attempt) {
    std::string what;
    try {
        co_return co_await processor.run(std::move(attempt));
    } catch (const std::exception& e) { what = e.what(); }
    co_return Failure{Failure::Kind::retryable, {"internal", what}, {}};
}

// One that was stopped has another end already, in the store or on its way there.
void Dispatcher::returned(const LiveAttemptPtr& attempt, Outcome outcome) {
    const bool in_time = attempt->state == AttemptState::running;
    step(attempt, AttemptEvent::returned);
    if (in_time) end(attempt, std::move(outcome));
}

void Dispatcher::end(const LiveAttemptPtr& attempt, Outcome outcome) {
    values::RetryPolicy policy;
    if (std::holds_alternative<Failure>(outcome)) policy = retry_policy(*attempt->lease);
    ends_.record({attempt, std::move(outcome), std::move(policy)});
}

} // namespace millrace::jobs
