// External workers: those that wait for jobs, and the leases that they hold.
#include "base/crash_point.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/page.hpp"

#include <algorithm>

namespace millrace::jobs {

Dispatcher::WorkerTicket Dispatcher::hand_out(QueuePtr queue, std::string worker, std::size_t most,
                                              std::chrono::milliseconds wait, std::chrono::milliseconds lease,
                                              Given given) {
    const auto ticket = next_worker_.fetch_add(1, std::memory_order_relaxed);
    send([this, ticket, queue = std::move(queue), worker = std::move(worker), most, wait, lease,
          given = std::move(given)]() mutable {
        if (dismissing_) return given(Error{Code::unavailable, "the daemon is stopping; try again in a moment"});
        if (workers_.size() >= options_.most_waiting_workers)
            return given(Error{Code::unavailable, "as many workers wait for jobs as may; try again later", 5});
        workers_.push_back(
            {ticket, std::move(queue), std::move(worker), most, clock_.monotonic() + wait, lease, std::move(given)});
    });
    return ticket;
}

void Dispatcher::withdraw_worker(WorkerTicket ticket) {
    send([this, ticket] {
        const auto at = std::find_if(workers_.begin(), workers_.end(),
                                     [&](const WorkerWaiting& each) { return each.ticket == ticket; });
        if (at == workers_.end()) return;
        const auto given = std::move(at->given);
        workers_.erase(at);
        given(std::vector<Handed>{});
    });
}

void Dispatcher::dismiss_workers() {
    send([this] {
        dismissing_ = true;
        serve_workers();
    });
}

// First come, first served. Who has waited long enough goes away with nothing.
void Dispatcher::serve_workers() {
    if (workers_.empty()) return;
    const auto at = now();
    auto waiting = std::exchange(workers_, {});
    for (auto& worker : waiting) {
        if (dismissing_) {
            worker.given(std::vector<Handed>{});
            continue;
        }
        auto batch = scheduler_.take_external(*worker.queue, worker.most, at);
        if (!batch.empty()) claim_for(std::move(worker), std::move(batch));
        else if (worker.until <= at.steady) worker.given(std::vector<Handed>{});
        else workers_.push_back(std::move(worker));
    }
}

void Dispatcher::claim_for(WorkerWaiting worker, std::vector<Waiting> batch) {
    for (const auto& job : batch) {
        claiming_.emplace(job.id, false);
        left_line(job);
    }
    auto jobs = std::make_shared<const std::vector<Waiting>>(std::move(batch)); // shared by the task and its callback
    const auto name = worker.worker; // before the callback takes the worker: arguments are evaluated in any order
    database_.post_write(
        [this, jobs, name,
         length = worker.lease](store::Session& session) -> Result<std::vector<std::optional<Lease>>> {
            crash_point("lease.before_write");
            std::vector<std::optional<Lease>> leases;
            const Timestamp at = clock_.now();
            std::size_t bytes = 0;
            for (const auto& job : *jobs) {
                if (bytes >= most_page_bytes) break; // as much as one answer holds: the others wait on
                leases.push_back(attempt_repository::claim(session, job.id, new_lease_token(), at, length, name));
                if (leases.back()) bytes += leases.back()->payload.size() + leases.back()->tags.size();
            }
            return leases;
        },
        [this, jobs, worker = std::move(worker)](Result<std::vector<std::optional<Lease>>> leases) mutable {
            send([this, jobs, worker = std::move(worker), leases = std::move(leases)]() mutable {
                crash_point("lease.before_answer");
                std::vector<Handed> handed;
                const std::size_t claimed = leases ? leases->size() : 0;
                for (std::size_t i = jobs->size(); i > claimed; --i) put_back((*jobs)[i - 1], !leases);
                for (std::size_t i = 0; i < claimed; ++i) {
                    const auto& job = (*jobs)[i];
                    const auto claiming = claiming_.find(job.id);
                    if (!(*leases)[i] || (claiming != claiming_.end() && claiming->second)) {
                        if ((*leases)[i]) let_go((*leases)[i]->token, job);
                        not_claimed(job.id, job.lane);
                        continue;
                    }
                    if (claiming != claiming_.end()) claiming_.erase(claiming);
                    const auto running = seat(std::move(*(*leases)[i]), job);
                    running->external = worker.lease;
                    running->lease_ends = clock_.monotonic() + worker.lease;
                    running->stopped = true;
                    handed.push_back({job.id, running->lease.token});
                }
                if (!leases) worker.given(leases.error());
                else worker.given(std::move(handed));
            });
        });
}

// Taken from the line, and not claimed: it waits again, where it stood.
void Dispatcher::put_back(const Waiting& job, bool later) {
    const auto claiming = claiming_.find(job.id);
    const bool ended_meanwhile = claiming != claiming_.end() && claiming->second;
    if (claiming != claiming_.end()) claiming_.erase(claiming);
    if (!ended_meanwhile) {
        backlog_.fetch_add(1, std::memory_order_relaxed);
        scheduler_.queue().at(job.lane).queue->waiting.fetch_add(1, std::memory_order_relaxed);
        if (later) scheduler_.queue().push_after(job, clock_.monotonic() + std::chrono::seconds{1});
        else scheduler_.queue().put_back(job, now());
    }
    give_back(job.lane, Scheduler::Verdict::nothing);
}

void Dispatcher::take_back(std::vector<Handed> undelivered) {
    send([this, undelivered = std::move(undelivered)] {
        for (auto each = undelivered.rbegin(); each != undelivered.rend(); ++each)
            take_back(*each); // the first comes to stand first
    });
}

void Dispatcher::take_back(const Handed& undelivered) {
    const auto at = running_.find(undelivered.id);
    if (at == running_.end() || at->second->lease.token != undelivered.token || at->second->ending) return;
    const auto running = at->second;
    running->ending = true; // its lease does not run out meanwhile
    database_.post_write(
        [undelivered](store::Session& session) -> Result<std::optional<Timestamp>> {
            crash_point("lease.before_take_back");
            return attempt_repository::release(session, undelivered.id, undelivered.token);
        },
        [this, running](Result<std::optional<Timestamp>> released) {
            crash_point("lease.after_take_back");
            send([this, running, released = std::move(released)] { taken_back(running, released); });
        });
}

// When it could not be written the lease goes on, and runs out in its time.
void Dispatcher::taken_back(const RunningPtr& running, const Result<std::optional<Timestamp>>& released) {
    if (running->recorded) return; // cancelled meanwhile
    if (!released) {
        running->ending = false;
        return;
    }
    if (!*released) return; // ended meanwhile, and the message of it is on its way
    running->recorded = true;
    running_.erase(running->lease.id);
    const auto& lease = running->lease;
    backlog_.fetch_add(1, std::memory_order_relaxed);
    scheduler_.queue().at(running->lane).queue->waiting.fetch_add(1, std::memory_order_relaxed);
    scheduler_.queue().put_back(
        {lease.id, **released, running->lane, static_cast<unsigned>(lease.priority) & 0xF, running->owner}, now());
    give_back(*running);
}

void Dispatcher::heartbeat(JobId id, std::int64_t token, std::optional<int> progress_percent) {
    send([this, id, token, progress_percent] {
        const auto at = running_.find(id);
        if (at == running_.end() || at->second->lease.token != token || !at->second->external) return;
        at->second->lease_ends = clock_.monotonic() + *at->second->external;
        if (progress_percent) at->second->progress = std::clamp(*progress_percent, 0, 100);
    });
}

} // namespace millrace::jobs
