#include "jobs/ending/settling.hpp"

#include "base/crash_point.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/records/job_columns.hpp"

#include <algorithm>

namespace millrace::jobs {
namespace {

using dependency_repository::Parent;
using dependency_repository::ParentEnd;
using store::SystemSession;
using store::Sql;
using store::Value;
using values::JobState;

constexpr Sql move_to_history{"INSERT INTO finished_jobs (id, state, payload, result, progress_percent, error_code, "
                              "error_message, finished_at, " MILLRACE_MOVING_COLUMNS ") "
                              "SELECT id, $2, payload, NULL, progress_percent, coalesce($3, error_code), coalesce($4, "
                              "error_message), $5, " MILLRACE_MOVING_COLUMNS " FROM jobs WHERE id = $1"};
constexpr Sql delete_job{"DELETE FROM jobs WHERE id = $1"};
constexpr Sql find_open{"SELECT state, created_by, queue, kind, resource, priority, run_at, started_at, flow_id, "
                        "flow_ref FROM jobs WHERE organization_id = $1 AND id = $2"};

} // namespace

bool end_one(SystemSession& session, const OrganizationId& organization, JobId id, JobState state,
             const std::optional<values::JobError>& error, Timestamp now, Settled& settled, bool only_waiting) {
    Moved moved{id, organization, {}, {}, {}, {}, 0, JobState::queued, state, now, 0};
    std::optional<FlowId> flow; // of whose jobs it is counted
    {
        store::OrganizationSession tenant{session, organization};
        auto rows = tenant.query(find_open, {id});
        if (!rows.next()) return false;
        moved.from = *values::job_state(rows.text(0));
        if (only_waiting && moved.from == JobState::running) return false;
        if (!rows.text(1).empty()) moved.actor = rows.id<ActorId>(1);
        moved.queue = rows.text(2);
        moved.kind = rows.text(3);
        moved.resource = rows.text(4);
        moved.priority = static_cast<int>(rows.integer(5));
        moved.due = rows.time(6);
        if (moved.from == JobState::running) moved.run_us = std::max<std::int64_t>(0, (now - rows.time(7)).count());
        if (!rows.is_null(8) && !rows.is_null(9)) flow = rows.id<FlowId>(8);
    }
    session.execute(move_to_history, {id, values::name(state), error ? Value{error->code} : Value{nullptr},
                                      error ? Value{error->message} : Value{nullptr}, now});
    session.execute(delete_job, {id});
    if (flow) dependency_repository::count_in_flow(session, *flow, false, now);
    if (state == JobState::dead && error) write_dead_event(session, moved, *error, now);
    settled.jobs.push_back(std::move(moved));
    return true;
}

namespace {

// One child of an ended parent: it fails with it, or waits for one less. Whether it has ended.
bool settle_child(SystemSession& session, const Parent& parent, const dependency_repository::Child& child,
                  Timestamp now, Settled& settled) {
    crash_point("release.before_write");
    const auto unblocked = dependency_repository::settle(session, parent.id, child.id);
    if (!unblocked) return false;
    const bool fails = parent.end == ParentEnd::purged ||
                       (parent.end == ParentEnd::failed && child.on_failure == values::OnFailure::fail);
    if (fails) {
        const std::string_view how = parent.end == ParentEnd::purged ? "was purged" : "ended without success";
        const values::JobError error{"dependency_failed",
                                     "job " + parent.id.text() + ", which it depends on, " + std::string{how}};
        return end_one(session, unblocked->organization, child.id, JobState::dead, error, now, settled, true);
    }
    if (unblocked->blocked_by > 0) return false;
    const auto state = unblocked->run_at > now ? JobState::scheduled : JobState::queued;
    const auto due = std::max(unblocked->run_at, now);
    dependency_repository::set_ready(session, child.id, state, due);
    settled.jobs.push_back({child.id, unblocked->organization, unblocked->actor, unblocked->queue, unblocked->kind,
                            unblocked->resource, unblocked->priority, JobState::blocked, state, due, 0});
    return false;
}

} // namespace

void settle_children(SystemSession& session, const OrganizationId& organization, Parent first, Timestamp now,
                     Settled& settled, int most) {
    std::vector<Parent> ended{first};
    store::OrganizationSession tenant{session, organization};
    int left = std::min(most, settled.children);
    while (!ended.empty()) {
        Parent parent = ended.back();
        ended.pop_back();
        for (const auto& child : dependency_repository::unsettled_children(session, parent, left + 1)) {
            if (--left < 0) {
                ended.push_back(parent);
                for (const auto& each : ended)
                    if (!dependency_repository::unsettled_children(session, each, 1).empty())
                        dependency_repository::settle_later(tenant, each, now);
                settled.more = true;
                return;
            }
            --settled.children;
            if (settle_child(session, parent, child, now, settled)) ended.push_back({child.id, ParentEnd::failed, {}});
            parent.settled_until = child.id;
        }
    }
}

} // namespace millrace::jobs
