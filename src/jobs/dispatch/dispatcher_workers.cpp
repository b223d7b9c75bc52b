// External workers: those that wait for jobs, and the leases that they hold.
#include "base/crash_point.hpp"
#include "jobs/dispatcher.hpp"
#include "jobs/leases/claiming.hpp"
#include "jobs/page.hpp"

#include <algorithm>

namespace millrace::jobs {

WorkerTicket Dispatcher::hand_out(QueuePtr queue, std::string worker, std::size_t most, std::chrono::milliseconds wait,
                                  std::chrono::milliseconds lease, WaitingWorker::Given given) {
    const auto ticket = workers_.next_ticket();
    send([this, ticket, queue = std::move(queue), worker = std::move(worker), most, wait, lease,
          given = std::move(given)]() mutable {
        workers_.add(
            {ticket, std::move(queue), std::move(worker), most, clock_.monotonic() + wait, lease, std::move(given)});
    });
    return ticket;
}

void Dispatcher::withdraw_worker(WorkerTicket ticket) {
    send([this, ticket] { workers_.withdraw(ticket); });
}

void Dispatcher::serve_workers() {
    if (workers_.empty()) return;
    const auto at = now();
    workers_.serve(
        at.steady,
        [&](const WaitingWorker& worker) { return scheduler_.take_external(*worker.queue, worker.most, at); },
        [this](WaitingWorker worker, std::vector<Waiting> jobs) { claim_for(std::move(worker), std::move(jobs)); });
}

void Dispatcher::claim_for(WaitingWorker worker, std::vector<Waiting> batch) {
    const auto jobs = take_from_line(std::move(batch), worker.lease);
    const auto name = worker.name; // before the callback takes the worker: arguments are evaluated in any order
    const auto length = worker.lease;
    database_.post_write(
        [this, jobs, name, length](store::SystemSession& session) -> Result<std::size_t> {
            crash_point("lease.before_write");
            const Timestamp at = clock_.now();
            std::size_t looked_at = 0, bytes = 0;
            for (const auto& job : *jobs) {
                if (bytes >= most_page_bytes) break; // as much as one answer holds: the others wait on
                ++looked_at;
                const auto lease = claim_jobs(session, {{job.id, new_lease_token()}}, at, length, name).front();
                if (lease) bytes += lease->payload.size() + lease->tags.size();
            }
            return looked_at;
        },
        [this, jobs, worker = std::move(worker)](Result<std::size_t> looked_at) mutable {
            send([this, jobs, worker = std::move(worker), looked_at = std::move(looked_at)] {
                crash_point("lease.before_answer");
                for (std::size_t i = jobs->size(); i > (looked_at ? *looked_at : 0); --i)
                    put_back((*jobs)[i - 1], !looked_at);
                if (looked_at) give(worker, *jobs);
                else worker.given(looked_at.error());
            });
        });
}

// Those that it has got, and that nobody has ended since.
void Dispatcher::give(const WaitingWorker& worker, const std::vector<Waiting>& jobs) {
    std::vector<Handed> handed;
    for (const auto& job : jobs)
        if (const auto attempt = find(job.id); attempt && attempt->state == AttemptState::leased)
            handed.push_back({job.id, attempt->lease->token});
    worker.given(std::move(handed));
}

void Dispatcher::take_back(std::vector<Handed> undelivered) {
    send([this, undelivered = std::move(undelivered)] {
        for (auto each = undelivered.rbegin(); each != undelivered.rend(); ++each)
            take_back(*each); // the first comes to stand first
    });
}

// When it could not be written the lease goes on, and runs out in its time.
void Dispatcher::take_back(const Handed& undelivered) {
    const auto attempt = find(undelivered.id);
    if (!attempt || attempt->state != AttemptState::leased || attempt->lease->token != undelivered.token) return;
    step(attempt, AttemptEvent::given_back); // its lease does not run out meanwhile
    database_.post_write(
        [lease = attempt->lease](store::SystemSession& session) -> Result<void> {
            crash_point("lease.before_take_back");
            give_back_unused(session, *lease);
            return success();
        },
        [this, attempt](const Result<void>& done) {
            crash_point("lease.after_take_back");
            if (done) return;
            send([this, attempt] {
                if (attempt->state == AttemptState::ending) step(attempt, AttemptEvent::kept);
            });
        });
}

void Dispatcher::heartbeat(JobId id, std::int64_t token, std::optional<int> progress_percent) {
    send([this, id, token, progress_percent] {
        const auto attempt = find(id);
        if (!attempt || !attempt->external || !attempt->has_begun() || attempt->lease->token != token) return;
        attempt->lease_ends = clock_.monotonic() + *attempt->external;
        if (progress_percent) set_progress(*attempt, *progress_percent);
    });
}

} // namespace millrace::jobs
