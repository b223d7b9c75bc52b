// The SQL of schedules. Every function runs inside a store task; what a person asks for goes through a
// OrganizationSession, what the daemon does for all organisations through a Session.
#pragma once
#include "jobs/page.hpp"
#include "jobs/schedules/schedule.hpp"
#include "store/database.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::jobs::schedule_repository {

void insert(store::OrganizationSession& tenant, const Schedule& schedule);
std::optional<Schedule> find(store::OrganizationSession& tenant, ScheduleId id);
std::optional<Schedule> find(store::OrganizationSession& tenant, const std::string& name);
std::int64_t count(store::OrganizationSession& tenant);

struct Filter {
    std::optional<std::string> name;
    std::optional<ScheduleId> before; // the cursor: only schedules made earlier than this one
    int limit = 50;
};
// Newest first; a page ends by its bytes too.
Page<Schedule, ScheduleId> list(store::OrganizationSession& tenant, const Filter& filter);

// All that a person sets: name, cron, time_zone, missed, job and next_run_at; clears last_error.
void update(store::OrganizationSession& tenant, const Schedule& schedule);
// The blobs that its job names, each once: those alone, whatever was named before. They are not deleted as long as it
// is there.
void name_blobs(store::OrganizationSession& tenant, ScheduleId id, const std::vector<std::string>& blobs);
bool remove(store::OrganizationSession& tenant, ScheduleId id);
void pause(store::OrganizationSession& tenant, ScheduleId id, Timestamp now); // keeps an earlier pause
void resume(store::OrganizationSession& tenant, ScheduleId id, std::optional<Timestamp> next_run_at);

// How a firing ended, planned for `planned`: the job, or why there is none.
void fired(store::OrganizationSession& tenant, ScheduleId id, Timestamp planned, JobId job);
void not_fired(store::OrganizationSession& tenant, ScheduleId id, Timestamp planned, const std::string& reason);

// ── of the daemon ────────────────────────────────────────────────────────────────────────────────────────────

// Those that will fire, the earliest first.
std::vector<Schedule> next(store::SystemSession& session, int limit);
std::vector<Schedule> active(store::SystemSession& session); // all that are not paused

// Moves next_run_at from `expected` on to `next`. False when the schedule is no longer as `schedule` has it: fired
// already, changed, paused, removed. What belongs to the firing is written only after this has said true.
bool move_on(store::OrganizationSession& tenant, const Schedule& schedule, Timestamp expected,
             std::optional<Timestamp> next);

} // namespace millrace::jobs::schedule_repository
