#include "jobs/dispatcher.hpp"

#include "base/crypto.hpp"
#include "jobs/job_repository.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <future>

namespace millrace::jobs {
namespace {

using namespace std::chrono_literals;
using model::JobState;

constexpr std::size_t claim_batch = 256;
constexpr auto tick_interval = 100ms; // how late a time limit may be noticed
constexpr auto request_memory = std::chrono::hours{48}; // of idempotency keys

std::uint64_t random64() {
    std::uint64_t value = 0;
    random_bytes(std::as_writable_bytes(std::span{&value, 1}));
    return value;
}

double seconds_between(Monotonic from, Monotonic to) { return std::chrono::duration<double>(to - from).count(); }

} // namespace

Dispatcher::Dispatcher(store::Database& database, Clock& clock, telemetry::Log& log, telemetry::Metrics& metrics, DispatcherOptions options)
    : database_{database}, clock_{clock}, log_{log}, options_{options},
      submitted_total_{metrics.counter("millrace_jobs_submitted_total", "Jobs accepted")},
      retried_total_{metrics.counter("millrace_job_retries_total", "Failed attempts that will be tried again")},
      run_seconds_{metrics.histogram("millrace_job_run_seconds", "Time from an attempt's claim to its recorded end")} {
    for (const auto state : {JobState::succeeded, JobState::dead, JobState::cancelled, JobState::expired})
        ended_total_[state] = &metrics.counter("millrace_jobs_ended_total", "Jobs ended, by state", {{"state", std::string{model::name(state)}}});
}

Dispatcher::~Dispatcher() { thread_.stop(); }

void Dispatcher::add(Processor& processor) { processors_.emplace(processor.kind(), &processor); }

const Processor* Dispatcher::processor(std::string_view kind) const {
    const auto at = processors_.find(kind);
    return at == processors_.end() ? nullptr : at->second;
}

// ── start and stop ───────────────────────────────────────────────────────────────────────────────────────────────

Result<void> Dispatcher::recover() {
    const Timestamp now = clock_.now();
    const auto requeued = database_.write_blocking(
        [this, now](store::Session& session) -> Result<std::size_t> { return job_repository::requeue_running(session, options_.max_lost, now); });
    if (!requeued) return requeued.error();
    const auto loaded = database_.read_blocking([this, now](store::Session& session) -> Result<void> {
        job_repository::each_waiting(session, [&](const job_repository::WaitingRow& row) {
            queue_.push({row.id, row.due, queue_.lane(row.queue, row.kind), static_cast<std::uint8_t>(row.priority)}, now);
        });
        return success();
    });
    if (!loaded) return loaded.error();
    backlog_ = queue_.queued() + queue_.scheduled();
    log_.info("queue rebuilt", {{"waiting", backlog_.load()}, {"were_running", *requeued}});

    // The totals of the past are counted while work goes on; what ends from now on is counted as it ends.
    database_.post_read([now](store::Session& session) -> Result<std::vector<std::pair<JobState, std::int64_t>>> {
        return job_repository::count_ended(session, now);
    }, [this](auto counts) {
        if (!counts) return;
        send([this, all = std::move(*counts)] {
            for (const auto& [state, n] : all) ended_[state] += n;
        });
    }, store::ReadTime::unlimited);
    return success();
}

void Dispatcher::start() {
    send([this] {
        tick();
        pump();
    });
}

void Dispatcher::stop(std::chrono::milliseconds patience) {
    const auto until = clock_.monotonic() + patience;
    for (;;) {
        std::promise<std::size_t> left;
        send([this, &left] {
            stopping_ = true;
            left.set_value(slots_taken_);
        });
        if (left.get_future().get() == 0) return;
        if (clock_.monotonic() >= until) break;
        std::this_thread::sleep_for(20ms);
    }
    std::promise<void> released;
    send([this, &released] {
        release_running();
        released.set_value();
    });
    released.get_future().get();
}

void Dispatcher::release_running() {
    for (auto& [id, running] : running_) {
        database_.post_write([id = id, token = running->lease.token](store::Session& session) -> Result<void> {
            job_repository::release(session, id, token);
            return success();
        }, [](Result<void>) {});
        running->stop.emit(asio::cancellation_type::terminal);
    }
    log_.info("running jobs given back to the queue", {{"jobs", running_.size()}});
}

// ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::send(Message message) {
    bool first = false;
    {
        auto mailbox = mailbox_.lock();
        first = mailbox->empty();
        mailbox->push_back(std::move(message));
    }
    // One wake-up for all that is left until the dispatcher looks.
    if (first) asio::post(thread_.at(0), [this] { deliver(); });
}

void Dispatcher::deliver() {
    std::vector<Message> messages;
    mailbox_.lock()->swap(messages);
    for (auto& message : messages) message();
    pump();
}

void Dispatcher::enqueue(JobId id, std::string queue, std::string kind, int priority, Timestamp due, bool is_new) {
    backlog_.fetch_add(1, std::memory_order_relaxed);
    send([this, arrival = Arrival{id, std::move(queue), std::move(kind), priority, due, is_new}] { arrive(arrival); });
}

void Dispatcher::arrive(const Arrival& arrival) {
    queue_.push({arrival.id, arrival.due, queue_.lane(arrival.queue, arrival.kind), static_cast<std::uint8_t>(arrival.priority)}, clock_.now());
    if (!arrival.is_new) return;
    submitted_.add(clock_.monotonic());
    submitted_total_.add();
}

void Dispatcher::cancelled(JobId id) {
    send([this, id] {
        const auto at = running_.find(id);
        // The slot is given back when the attempt's late outcome has been refused by the store.
        if (at != running_.end()) at->second->stop.emit(asio::cancellation_type::terminal);
        ++ended_[JobState::cancelled];
        ended_total_[JobState::cancelled]->add();
        waiters_.ended(id);
    });
}

// ── a job's way through ──────────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::pump() {
    if (stopping_) return;
    queue_.release_due(clock_.now());
    const auto open = [this](LaneIndex lane) {
        const auto& kind = queue_.lane_kind(lane);
        const auto* runs = processor(kind);
        const auto taken = running_by_kind_.find(kind);
        return runs && (taken == running_by_kind_.end() || taken->second < runs->concurrency());
    };
    while (slots_taken_ < options_.concurrency) {
        std::vector<Waiting> batch;
        while (batch.size() < claim_batch && slots_taken_ < options_.concurrency) {
            const auto job = queue_.pop(open);
            if (!job) break;
            ++slots_taken_;
            ++running_by_kind_[queue_.lane_kind(job->lane)];
            batch.push_back(*job);
        }
        if (batch.empty()) break;
        backlog_.fetch_sub(batch.size(), std::memory_order_relaxed);
        claim(std::move(batch));
    }
    arm_timer();
}

void Dispatcher::claim(std::vector<Waiting> batch) {
    auto jobs = std::make_shared<const std::vector<Waiting>>(std::move(batch)); // shared by the task and its callback
    database_.post_write([this, jobs](store::Session& session) -> Result<std::vector<Lease>> {
        std::vector<Lease> leases;
        leases.reserve(jobs->size());
        const Timestamp now = clock_.now();
        for (const auto& job : *jobs) {
            const auto token = static_cast<std::int64_t>(random64());
            auto claimed = job_repository::claim(session, job.id, token, now);
            if (!claimed) {
                leases.push_back({job.id, {}, 0, job.lane, now, 0, 0, 0, 0, {}}); // no longer waiting: only the slot comes back
                continue;
            }
            leases.push_back({job.id, claimed->organization, token, job.lane, now, claimed->attempt, claimed->max_attempts,
                              claimed->priority, claimed->timeout_seconds, std::move(claimed->payload)});
        }
        return leases;
    }, [this, jobs](Result<std::vector<Lease>> leases) {
        send([this, jobs, leases = std::move(leases)]() mutable {
            if (leases) {
                begin(std::move(*leases));
                return;
            }
            log_.error("jobs could not be claimed; they stay queued", {{"jobs", jobs->size()}, {"reason", leases.error().detail}});
            for (const auto& job : *jobs) {
                end({job.id, 0, job.lane, std::nullopt, Waiting{job.id, clock_.now() + 1s, job.lane, job.priority}, 0});
            }
        });
    });
}

void Dispatcher::begin(std::vector<Lease> leases) {
    for (auto& lease : leases) {
        if (lease.attempt == 0) {
            end({lease.id, 0, lease.lane, std::nullopt, std::nullopt, 0});
            continue;
        }
        auto& processor = *processors_.find(queue_.lane_kind(lease.lane))->second;
        const auto now = clock_.monotonic();
        auto running = std::make_shared<Running>();
        running->began = now;
        running->deadline = now + std::chrono::microseconds{static_cast<std::int64_t>(lease.timeout_seconds * 1e6)};
        running->lease = lease;
        running->lease.payload.clear();
        Attempt work{lease.id, lease.organization, lease.attempt, lease.priority, std::move(lease.payload), running->deadline,
                     [this, id = lease.id, token = lease.token](int percent) {
                         const auto at = running_.find(id);
                         if (at != running_.end() && at->second->lease.token == token) at->second->progress = std::clamp(percent, 0, 100);
                     }};
        running_[lease.id] = running;
        auto ended = [this, running](std::exception_ptr thrown, Outcome outcome) {
            if (thrown) outcome = Failure{Failure::Kind::retryable, {"cancelled", "the attempt was stopped"}, {}};
            record(running->lease, std::move(outcome), seconds_between(running->began, clock_.monotonic()));
        };
        asio::co_spawn(thread_.at(0), attempt(processor, std::move(work)), asio::bind_cancellation_slot(running->stop.slot(), std::move(ended)));
    }
}

awaitable<Outcome> Dispatcher::attempt(Processor& processor, Attempt attempt) {
    std::string what;
    try {
        co_return co_await processor.run(std::move(attempt));
    } catch (const std::exception& e) {
        what = e.what();
    }
    co_return Failure{Failure::Kind::retryable, {"internal", what}, {}};
}

void Dispatcher::record(const Lease& lease, Outcome outcome, double seconds) {
    struct Written {
        std::optional<JobState> state;
        std::optional<Waiting> retry;
    };
    database_.post_write([this, lease, outcome = std::move(outcome)](store::Session& session) -> Result<Written> {
        Written written;
        written.state = write_end(session, lease, outcome, clock_.now(), written.retry);
        return written;
    }, [this, lease, seconds](Result<Written> written) {
        if (!written) log_.error("a job's end could not be recorded; it runs again after a restart", {{"job", lease.id.text()}, {"reason", written.error().detail}});
        send([this, ended = Ended{lease.id, lease.token, lease.lane, written ? written->state : std::nullopt,
                                  written ? written->retry : std::nullopt, seconds}] { end(ended); });
    });
}

// In the writer's transaction. nullopt when the lease is no longer ours or another attempt is planned.
std::optional<JobState> Dispatcher::write_end(store::Session& session, const Lease& lease, const Outcome& outcome, Timestamp now,
                                              std::optional<Waiting>& retry) const {
    if (const auto* success = std::get_if<Success>(&outcome)) {
        if (!job_repository::complete(session, lease.id, lease.token, success->result, now)) return std::nullopt;
        for (const auto& effect : success->effects) effect(session);
        return JobState::succeeded;
    }
    const auto& failure = std::get<Failure>(outcome);
    const bool killed = failure.kind == Failure::Kind::worker_lost;
    const auto earlier = job_repository::count_attempts(session, lease.organization, lease.id);
    const bool again = killed ? earlier.worker_lost + 1 < options_.max_worker_kills
                              : failure.kind == Failure::Kind::retryable && earlier.failed + 1 < lease.max_attempts;
    std::optional<Timestamp> retry_at;
    if (again) retry_at = now + (killed ? 0ms : failure.retry_after.value_or(options_.retry.delay(earlier.failed + 1, random64())));
    if (!job_repository::fail(session, lease.id, lease.token, failure.error, retry_at, now)) return std::nullopt;
    job_repository::add_attempt(session, lease.organization, lease.id,
                                {lease.attempt, lease.started_at, now, killed ? "worker_lost" : "failed", failure.error});
    if (!again) return JobState::dead;
    retry = Waiting{lease.id, *retry_at, lease.lane, static_cast<std::uint8_t>(lease.priority)};
    return std::nullopt;
}

void Dispatcher::end(const Ended& ended) {
    --slots_taken_;
    --running_by_kind_[queue_.lane_kind(ended.lane)];
    const auto at = running_.find(ended.id);
    if (at != running_.end() && at->second->lease.token == ended.token) running_.erase(at);
    if (ended.retry) {
        queue_.push(*ended.retry, clock_.now());
        backlog_.fetch_add(1, std::memory_order_relaxed);
        retried_total_.add();
    }
    if (!ended.state) return;
    finished_.add(clock_.monotonic());
    ++ended_[*ended.state];
    ended_total_[*ended.state]->add();
    run_seconds_.observe(ended.seconds);
    if (*ended.state == JobState::succeeded) {
        const auto [mean, first] = mean_seconds_.try_emplace(queue_.lane_kind(ended.lane), ended.seconds);
        if (!first) mean->second += 0.1 * (ended.seconds - mean->second);
    }
    waiters_.ended(ended.id);
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void Dispatcher::tick() {
    const auto now = clock_.monotonic();
    for (auto& [id, running] : running_) {
        if (now < running->deadline) continue;
        running->deadline = Monotonic::max();
        running->stop.emit(asio::cancellation_type::terminal);
        // The lease ends here: what the attempt still returns is refused by the store.
        record(running->lease, Failure{Failure::Kind::retryable, {"timed_out", "the attempt ran longer than its timeout_seconds"}, {}},
               seconds_between(running->began, now));
        ++slots_taken_; // the attempt itself reports once more
        ++running_by_kind_[queue_.lane_kind(running->lease.lane)];
    }
    if (clock_.now() >= next_sweep_) {
        next_sweep_ = clock_.now() + std::chrono::hours{1};
        database_.post_write([before = clock_.now() - request_memory](store::Session& session) -> Result<void> {
            job_repository::forget_requests(session, before);
            return success();
        }, [](Result<void>) {});
    }
}

void Dispatcher::arm_timer() {
    auto wait = running_.empty() ? std::chrono::microseconds{60s} : std::chrono::microseconds{tick_interval};
    if (const auto due = queue_.next_due()) wait = std::min(wait, std::max(*due - clock_.now(), std::chrono::microseconds{0}));
    // Left alone when it fires soon enough anyway: re-arming costs more than an early tick.
    if (timer_.expiry() > clock_.monotonic() && timer_.expiry() <= clock_.monotonic() + wait) return;
    timer_.expires_after(wait);
    timer_.async_wait([this](boost::system::error_code failure) {
        if (failure) return;
        tick();
        pump();
    });
}

// ── what others may know ─────────────────────────────────────────────────────────────────────────────────────────

awaitable<QueueSnapshot> Dispatcher::snapshot() {
    auto look = [this](std::function<void(QueueSnapshot)> done) {
        send([this, done = std::move(done)] {
            QueueSnapshot all;
            std::map<std::string, QueueSnapshot::Queue> by_name;
            for (const auto& lane : queue_.counts()) {
                auto& queue = by_name[lane.queue];
                queue.queued += lane.queued;
                queue.scheduled += lane.scheduled;
            }
            for (const auto& [id, running] : running_) ++by_name[queue_.lane_queue(running->lease.lane)].running;
            for (auto& [name, queue] : by_name) {
                queue.name = name;
                all.queues.push_back(queue);
            }
            all.queued = queue_.queued();
            all.scheduled = queue_.scheduled();
            all.running = running_.size();
            all.ended = ended_;
            all.submitted_per_second = submitted_.per_second(clock_.monotonic());
            all.finished_per_second = finished_.per_second(clock_.monotonic());
            done(std::move(all));
        });
    };
    co_return co_await async::completion<QueueSnapshot>(std::move(look));
}

awaitable<JobOutlook> Dispatcher::outlook(model::Job job) {
    auto look = [this, job = std::move(job)](std::function<void(JobOutlook)> done) {
        send([this, job, done = std::move(done)] {
            JobOutlook outlook;
            const auto mean = mean_seconds_.find(job.kind);
            const auto running = running_.find(job.id);
            if (running != running_.end()) {
                const double spent = seconds_between(running->second->began, clock_.monotonic());
                int percent = running->second->progress;
                if (percent > 0) outlook.seconds_remaining = spent * (100.0 - percent) / percent;
                else if (mean != mean_seconds_.end()) {
                    outlook.seconds_remaining = std::max(0.0, mean->second - spent);
                    if (mean->second > 0) percent = std::min(99, static_cast<int>(100 * spent / mean->second));
                }
                outlook.progress_percent = percent;
            } else if (!model::is_final(job.state)) {
                outlook.position = queue_.position({job.id, job.run_at, queue_.lane(job.queue, job.kind), static_cast<std::uint8_t>(job.priority)});
            }
            done(outlook);
        });
    };
    co_return co_await async::completion<JobOutlook>(std::move(look));
}

} // namespace millrace::jobs
