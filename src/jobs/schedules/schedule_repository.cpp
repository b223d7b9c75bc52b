#include "jobs/schedules/schedule_repository.hpp"

namespace millrace::jobs::schedule_repository {
namespace {

using store::Rows;
using store::SystemSession;
using store::Sql;
using store::OrganizationSession;

#define SCHEDULE_COLUMNS                                                                                        \
    "id, organization_id, name, cron, time_zone, missed, job, created_by, created_at, paused_at, next_run_at, " \
    "last_run_at, "                                                                                             \
    "last_job_id, last_error"

constexpr Sql insert_schedule{"INSERT INTO schedules (organization_id, id, name, cron, time_zone, missed, job, "
                              "created_by, created_at, next_run_at) "
                              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
constexpr Sql find_schedule{"SELECT " SCHEDULE_COLUMNS " FROM schedules WHERE organization_id = $1 AND id = $2"};
constexpr Sql find_by_name{"SELECT " SCHEDULE_COLUMNS " FROM schedules WHERE organization_id = $1 AND name = $2"};
constexpr Sql count_schedules{"SELECT count(*) FROM schedules WHERE organization_id = $1"};
constexpr Sql list_schedules{"SELECT " SCHEDULE_COLUMNS
                             " FROM schedules WHERE organization_id = $1 AND id < $2 AND ($3 = '' OR name = $3) "
                             "ORDER BY id DESC LIMIT $4"};

constexpr Sql update_schedule{"UPDATE schedules SET name = $3, cron = $4, time_zone = $5, missed = $6, job = $7, "
                              "next_run_at = $8, last_error = NULL "
                              "WHERE organization_id = $1 AND id = $2"};
constexpr Sql insert_blob{"INSERT INTO schedule_blobs (organization_id, schedule_id, sha256) VALUES ($1, $2, $3)"};
constexpr Sql delete_blobs{"DELETE FROM schedule_blobs WHERE organization_id = $1 AND schedule_id = $2"};
constexpr Sql delete_schedule{"DELETE FROM schedules WHERE organization_id = $1 AND id = $2"};
constexpr Sql pause_schedule{
    "UPDATE schedules SET paused_at = coalesce(paused_at, $3) WHERE organization_id = $1 AND id = $2"};
constexpr Sql resume_schedule{
    "UPDATE schedules SET paused_at = NULL, next_run_at = $3 WHERE organization_id = $1 AND id = $2"};
constexpr Sql record_job{"UPDATE schedules SET last_run_at = $3, last_job_id = $4, last_error = NULL WHERE "
                         "organization_id = $1 AND id = $2"};
constexpr Sql record_error{
    "UPDATE schedules SET last_run_at = $3, last_error = $4 WHERE organization_id = $1 AND id = $2"};

constexpr Sql select_next{
    "SELECT " SCHEDULE_COLUMNS
    " FROM schedules WHERE paused_at IS NULL AND next_run_at IS NOT NULL ORDER BY next_run_at, id LIMIT $1"};
constexpr Sql select_active{"SELECT " SCHEDULE_COLUMNS " FROM schedules WHERE paused_at IS NULL"};
constexpr Sql move_schedule{"UPDATE schedules SET next_run_at = $4 WHERE organization_id = $1 AND id = $2 AND "
                            "next_run_at = $3 AND paused_at IS NULL "
                            "AND cron = $5 AND time_zone = $6 AND missed = $7 AND job = $8"};

Schedule read(Rows& rows) {
    Schedule schedule;
    schedule.id = rows.id<ScheduleId>(0);
    schedule.organization = rows.id<OrganizationId>(1);
    schedule.name = rows.string(2);
    schedule.cron = rows.string(3);
    schedule.time_zone = rows.string(4);
    schedule.missed = missed(rows.text(5)).value_or(Missed::run_once);
    schedule.job = rows.string(6);
    if (!rows.text(7).empty()) schedule.created_by = rows.id<ActorId>(7);
    schedule.created_at = rows.time(8);
    schedule.paused_at = rows.maybe_time(9);
    schedule.next_run_at = rows.maybe_time(10);
    schedule.last_run_at = rows.maybe_time(11);
    if (!rows.is_null(12)) schedule.last_job = rows.id<JobId>(12);
    schedule.last_error = rows.string(13);
    return schedule;
}

std::vector<Schedule> read_all(Rows rows) {
    std::vector<Schedule> all;
    while (rows.next()) all.push_back(read(rows));
    return all;
}

std::optional<Schedule> read_one(Rows rows) { return rows.next() ? std::optional{read(rows)} : std::nullopt; }

} // namespace

void insert(OrganizationSession& tenant, const Schedule& schedule) {
    tenant.execute(insert_schedule,
                   {schedule.id, schedule.name, schedule.cron, schedule.time_zone, name(schedule.missed), schedule.job,
                    schedule.created_by.is_nil() ? std::string{} : schedule.created_by.text(), schedule.created_at,
                    schedule.next_run_at});
}

std::optional<Schedule> find(OrganizationSession& tenant, ScheduleId id) {
    return read_one(tenant.query(find_schedule, {id}));
}
std::optional<Schedule> find(OrganizationSession& tenant, const std::string& name) {
    return read_one(tenant.query(find_by_name, {name}));
}

std::int64_t count(OrganizationSession& tenant) {
    auto rows = tenant.query(count_schedules);
    rows.next();
    return rows.integer(0);
}

Page<Schedule, ScheduleId> list(OrganizationSession& tenant, const Filter& filter) {
    const std::string before = filter.before ? filter.before->text() : "~"; // sorts after every id
    auto rows = tenant.query(list_schedules, {before, filter.name.value_or(""), filter.limit});
    Page<Schedule, ScheduleId> page;
    std::size_t bytes = 0;
    while (rows.next()) {
        page.items.push_back(read(rows));
        bytes += 1024 + page.items.back().job.size();
        if (static_cast<int>(page.items.size()) < filter.limit && bytes < most_page_bytes) continue;
        page.next = page.items.back().id;
        break;
    }
    return page;
}

void update(OrganizationSession& tenant, const Schedule& schedule) {
    tenant.execute(update_schedule, {schedule.id, schedule.name, schedule.cron, schedule.time_zone,
                                     name(schedule.missed), schedule.job, schedule.next_run_at});
}

void name_blobs(OrganizationSession& tenant, ScheduleId id, const std::vector<std::string>& blobs) {
    tenant.execute(delete_blobs, {id});
    for (const auto& sha256 : blobs) tenant.execute(insert_blob, {id, sha256});
}

bool remove(OrganizationSession& tenant, ScheduleId id) {
    tenant.execute(delete_blobs, {id});
    return tenant.execute(delete_schedule, {id}) == 1;
}

void pause(OrganizationSession& tenant, ScheduleId id, Timestamp now) { tenant.execute(pause_schedule, {id, now}); }

void resume(OrganizationSession& tenant, ScheduleId id, std::optional<Timestamp> next_run_at) {
    tenant.execute(resume_schedule, {id, next_run_at});
}

void fired(OrganizationSession& tenant, ScheduleId id, Timestamp planned, JobId job) {
    tenant.execute(record_job, {id, planned, job});
}

void not_fired(OrganizationSession& tenant, ScheduleId id, Timestamp planned, const std::string& reason) {
    tenant.execute(record_error, {id, planned, reason});
}

std::vector<Schedule> next(SystemSession& session, int limit) { return read_all(session.query(select_next, {limit})); }
std::vector<Schedule> active(SystemSession& session) { return read_all(session.query(select_active)); }

bool move_on(OrganizationSession& tenant, const Schedule& schedule, Timestamp expected, std::optional<Timestamp> next) {
    return tenant.execute(move_schedule, {schedule.id, expected, next, schedule.cron, schedule.time_zone,
                                          name(schedule.missed), schedule.job}) == 1;
}

} // namespace millrace::jobs::schedule_repository
