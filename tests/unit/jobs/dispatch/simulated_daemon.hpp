// The memory of one daemon between two crashes: what jobs/dispatch/dispatcher*.cpp does with the scheduler, the running
// attempts and the limits, without its threads, its processors and its sockets. The scheduler, the ready queue, the
// breakers and all the SQL are the product's own.
#pragma once
#include "jobs/dispatcher.hpp"
#include "jobs/queues/queue_repository.hpp"
#include "unit/jobs/dispatch/waiting_jobs.hpp"
#include "unit/jobs/stored_jobs.hpp"

#include <map>
#include <optional>
#include <set>

namespace millrace::jobs::test {

struct SimulatedAttempt {
    Lease lease;
    Waiting job;
    std::optional<std::chrono::milliseconds> external; // length of the lease
    Monotonic ends;                                    // its timeout, or the end of its lease
};

struct SimulatedLimits {
    std::size_t slots = 4, scarce = 2; // attempts at once, over all kinds and of the kind "scarce"
    std::chrono::microseconds ageing = 5s;
};

class SimulatedDaemon {
public:
    // What stands in line, as far as an onlooker knows: since when it is ready, or when it will be.
    struct Standing {
        Waiting job;
        std::optional<Monotonic> ready_since, due_steady;
    };

    QueueTable table;
    Scheduler scheduler;
    Monotonic started;
    std::map<JobId, SimulatedAttempt> running;
    std::map<JobId, Standing> standing;
    std::set<JobId> unclaimed; // taken from the line, and not there to be claimed: word of their end will come
    Limits limits;

    SimulatedDaemon(StoredJobs& store, Monotonic at, SimulatedLimits its)
        : scheduler{table, {its.slots, its.ageing}},
          started{at},
          store_{store} {
        scheduler.add_kind("echo", 1000);
        scheduler.add_kind("scarce", its.scarce);
    }

    // As Dispatcher::recover(). What a dead daemon ran is queued again; external leases go on, for their whole length.
    void recover(const Now& now) {
        auto recovered = recover_running(store_.session, store_.rules, now.wall);
        queue_repository::each(store_.session,
                               [&](const OrganizationId& organization, std::string_view name, QueueRules rules) {
                                   set_rules(*table.queue(organization, name), std::move(rules));
                               });
        attempt_repository::each_waiting(store_.session, [&](const attempt_repository::WaitingRow& row) {
            if (row.ends_by) limits.set({*row.ends_by, row.id, row.organization});
            if (row.state != values::JobState::blocked)
                push(waiting(row.id, row.organization, row.actor, row.queue, row.kind, row.resource, row.priority,
                             row.due),
                     now);
        });
        for (auto& found : recovered.external) {
            auto& its = found.lease;
            const auto job = waiting(its.id, its.organization, its.created_by, its.queue, its.kind, its.resource,
                                     its.priority, now.wall);
            scheduler.resumed(job.lane, now);
            running[its.id] = {std::move(its), job, found.external, now.steady + *found.external};
        }
    }
    void arrive(const values::Job& job, const Now& now) {
        const auto ends_by = !job.expires_at    ? job.deadline_at
                             : !job.deadline_at ? job.expires_at
                                                : std::min(job.expires_at, job.deadline_at);
        if (ends_by) limits.set({*ends_by, job.id, job.organization});
        if (job.state != values::JobState::blocked)
            push(waiting(job.id, job.organization, job.created_by, job.queue, job.kind, job.resource, job.priority,
                         job.run_at),
                 now);
    }
    void begin(Lease lease, const Waiting& job, std::optional<std::chrono::milliseconds> external, const Now& now) {
        const auto timeout = std::chrono::microseconds{static_cast<std::int64_t>(lease.timeout_seconds * 1e6)};
        auto ends = now.steady + (external ? std::min<std::chrono::microseconds>(timeout, *external) : timeout);
        if (lease.deadline_at) ends = std::min(ends, now.steady + (*lease.deadline_at - now.wall));
        running[job.id] = {std::move(lease), job, external, ends};
    }
    // The end of an attempt was committed.
    void recorded(const SimulatedAttempt& attempt, const Outcome& outcome, const Settled& settled, const Now& now) {
        running.erase(attempt.lease.id);
        const auto& own = settled.jobs.front();
        if (!values::is_final(own.to)) {
            auto again = attempt.job;
            again.due = own.due;
            const auto wait = own.due - now.wall;
            if (wait.count() > 0) push_after(again, now.steady + wait);
            else push(again, now);
            if (own.ends_by) limits.set({*own.ends_by, own.id, own.organization});
        } else limits.forget(own.id);
        settle(settled, now);
        scheduler.ended(attempt.job.lane, verdict_on(outcome), now);
    }
    // What a transaction did to jobs that wait. Those that ran are the caller's.
    void settle(const Settled& settled, const Now& now) {
        for (const auto& moved : settled.jobs) {
            const bool ended = values::is_final(moved.to);
            if (ended) limits.forget(moved.id);
            const auto job = waiting(moved.id, moved.organization, moved.actor, moved.queue, moved.kind, moved.resource,
                                     moved.priority, moved.due);
            const bool arrives = moved.from == values::JobState::blocked || values::is_final(moved.from);
            if (arrives && !ended && moved.to != values::JobState::blocked) push(job, now);
            else if (ended && (moved.from == values::JobState::queued || moved.from == values::JobState::scheduled)) {
                if (unclaimed.erase(moved.id) > 0) continue;
                scheduler.queue().take_out(job, moved.from == values::JobState::scheduled && moved.due > now.wall);
                standing.erase(moved.id);
            }
        }
    }
    void set_rules(Queue& queue, QueueRules rules) {
        queue.set_rules(std::move(rules));
        scheduler.rules_changed(queue);
    }

    Waiting waiting(JobId id, const OrganizationId& organization, const ActorId& actor, std::string_view queue,
                    std::string_view kind, std::string_view resource, int priority, Timestamp due) {
        return {id, due, scheduler.lane(organization, queue, kind, resource), static_cast<unsigned>(priority) & 0xF,
                scheduler.queue().owners().find_or_add(organization, actor)};
    }

private:
    void push(const Waiting& job, const Now& now) {
        scheduler.queue().push(job, now);
        standing[job.id] = {job, job.due <= now.wall ? std::optional{now.steady} : std::nullopt, std::nullopt};
    }
    void push_after(const Waiting& job, Monotonic due) {
        scheduler.queue().push_after(job, due);
        standing[job.id] = {job, std::nullopt, due};
    }

    StoredJobs& store_;
};

} // namespace millrace::jobs::test
