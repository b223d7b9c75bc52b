#include "jobs/submission/submission.hpp"

#include "base/crash_point.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/flows/dependency_repository.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/job_repository.hpp"
#include "jobs/leases/attempt_repository.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::jobs {
namespace {

using values::JobState;
using values::OnFailure;

// The earlier job that a unique key stands for.
std::optional<values::Job> earlier_job(store::OrganizationSession& tenant, const values::Unique& unique,
                                       Timestamp now) {
    auto job = job_repository::find_unique(tenant, unique.key);
    if (!job) return std::nullopt;
    const bool in_states = std::find(unique.states.begin(), unique.states.end(), job->state) != unique.states.end();
    const bool in_period = !unique.period || job->created_at > now - *unique.period;
    return in_states && in_period ? std::move(job) : std::nullopt;
}

// What a parent's present state means for a job that is only now submitted.
struct Tie {
    values::Dependency dependency;
    bool settled = false;
};

Result<std::vector<Tie>> look_at_parents(store::OrganizationSession& tenant,
                                         const std::vector<values::Dependency>& depends_on, values::Job& job) {
    std::vector<Tie> ties;
    for (const auto& dependency : depends_on) {
        const auto parent = job_repository::find_state(tenant, dependency.parent);
        if (!parent)
            return Error{Code::unprocessable,
                         fmt::format("\"depends_on\": there is no job {}", dependency.parent.text())};
        const bool failed = values::is_final(*parent) && *parent != JobState::succeeded;
        const bool settled = *parent == JobState::succeeded || (failed && dependency.on_failure != OnFailure::wait);
        if (failed && dependency.on_failure == OnFailure::fail)
            job.error = {"dependency_failed", fmt::format("job {}, which it depends on, had ended without success",
                                                          dependency.parent.text())};
        if (!settled) ++job.blocked_by;
        ties.push_back({dependency, settled});
    }
    if (job.error) job.state = JobState::dead;
    else if (job.blocked_by > 0) job.state = JobState::blocked;
    return ties;
}

std::optional<Timestamp> earlier(std::optional<Timestamp> a, std::optional<Timestamp> b) {
    if (a && b) return std::min(*a, *b);
    return a ? a : b;
}

void publish_arrival(store::OrganizationSession& tenant, const values::Job& job, Weights weights,
                     std::shared_ptr<const Lease> lease) {
    tenant.publish(Arrived{job.id, job.organization, job.created_by, weights, job.queue, job.kind, job.resource,
                           job.priority, job.state, job.run_at, earlier(job.expires_at, job.deadline_at),
                           std::move(lease)});
}

// A parent had failed before it came.
void insert_dead(store::OrganizationSession& tenant, const values::Job& job, Timestamp now) {
    auto& session = tenant.system();
    const Moved moved{job.id,       job.organization, job.created_by, job.queue, job.kind,
                      job.resource, job.priority,     job.state,      job.state, job.run_at};
    job_repository::insert_ended(tenant, job, now);
    write_dead_event(session, moved, *job.error, now);
    if (job.flow && !job.flow_ref.empty()) dependency_repository::count_in_flow(session, *job.flow, false, now);
    publish(session, {{moved}});
}

} // namespace

Result<Stored> store_job(store::OrganizationSession& tenant, const Prepared& prepared, Timestamp now) {
    if (prepared.unique)
        if (auto earlier = earlier_job(tenant, *prepared.unique, now))
            return Stored{earlier->id, earlier->state, std::move(earlier->queue), true};
    std::vector<Tie> ties;
    std::optional<values::Job> tied; // what the states of its parents make of it; nearly all jobs have none
    if (!prepared.depends_on.empty()) {
        auto found = look_at_parents(tenant, prepared.depends_on, tied.emplace(prepared.job));
        if (!found) return found.error();
        ties = std::move(*found);
    }
    const auto& job = tied ? *tied : prepared.job;
    crash_point("submit.before_insert");
    if (prepared.begin_with) {
        auto lease = attempt_repository::insert_running(tenant, job, *prepared.begin_with, now);
        publish_arrival(tenant, job, prepared.weights, std::make_shared<const Lease>(std::move(lease)));
    } else if (job.state == JobState::dead) {
        insert_dead(tenant, job, now);
    } else {
        job_repository::insert(tenant, job);
        publish_arrival(tenant, job, prepared.weights, nullptr);
    }
    for (const auto& sha256 : prepared.blobs) job_blobs::add(tenant, job.id, sha256);
    for (const auto& tie : ties) dependency_repository::add(tenant, job.id, tie.dependency, tie.settled);
    if (prepared.unique)
        job_repository::remember_unique(tenant, prepared.unique->key, job.id, prepared.unique->period, now);
    for (const auto& effect : prepared.effects) effect(tenant);
    return Stored{job.id, job.state, job.queue, false};
}

} // namespace millrace::jobs
