#include "jobs/schedules.hpp"

#include "base/json.hpp"
#include "jobs/job_blobs.hpp"

#include <fmt/format.h>

namespace millrace::jobs {
namespace {

using store::OrganizationSession;

Error no_such_schedule(ScheduleId id) { return {Code::not_found, fmt::format("there is no schedule {}", id.text())}; }
Error name_taken(const std::string& name) {
    return {Code::conflict,
            fmt::format("there is a schedule \"{}\" already; choose another name, or change that one", name)};
}

Schedules::Answer again(job_repository::StoredAnswer stored) {
    const auto document = parse_json(stored.body).value();
    return {std::string{document.at("id").as_string()}, std::move(stored.body), true};
}

} // namespace

Schedules::Schedules(store::Database& database, events::Feed& feed, Submitter& submitter, ReadJob read, Clock& clock,
                     telemetry::Log& log, telemetry::Metrics& metrics)
    : database_{database},
      clock_{clock},
      templates_{submitter, std::move(read)},
      runner_{database, feed, templates_, clock, log, metrics} {}

Result<Schedules::Planned> Schedules::plan(const values::Principal& who, const NewSchedule& asked,
                                           Timestamp now) const {
    if (!is_schedule_name(asked.name))
        return Error{
            Code::unprocessable,
            "\"name\" must be a word of a-z, 0-9, _ and - that begins with a letter or digit, 63 bytes at most"};
    auto timetable = Timetable::of(asked.cron, asked.time_zone);
    if (!timetable) return timetable.error();
    if (const auto possible = templates_.check(who, asked.name, asked.job, now); !possible) return possible.error();
    Schedule schedule;
    schedule.organization = who.organization;
    schedule.name = asked.name;
    schedule.cron = asked.cron;
    schedule.time_zone = asked.time_zone;
    schedule.missed = asked.missed;
    schedule.job = asked.job;
    schedule.created_by = who.actor;
    schedule.created_at = now;
    schedule.next_run_at = timetable->next(now);
    Planned planned{std::move(schedule), {}};
    if (job_blobs::may_name(asked.job)) {
        auto blobs = job_blobs::named(parse_json(asked.job).value());
        if (!blobs) return blobs.error();
        planned.blobs = std::move(*blobs);
    }
    return planned;
}

awaitable<Result<Schedules::Answer>> Schedules::create(values::Principal who, NewSchedule asked,
                                                       std::optional<IdempotentRequest> idempotency, Render render) {
    const Timestamp now = clock_.now();
    auto planned = plan(who, asked, now);
    if (!planned) co_return planned.error();
    planned->schedule.id = {Uuid::make()};
    auto task = [schedule = std::move(planned->schedule), blobs = std::move(planned->blobs),
                 idempotency = std::move(idempotency), render = std::move(render),
                 now](OrganizationSession& tenant) -> Result<Answer> {
        auto earlier = earlier_answer(tenant, idempotency);
        if (!earlier) return earlier.error();
        if (*earlier) return again(std::move(**earlier));
        if (schedule_repository::find(tenant, schedule.name)) return name_taken(schedule.name);
        if (schedule_repository::count(tenant) >= most)
            return Error{Code::conflict, fmt::format("there are {} schedules, which is the limit; remove some", most)};
        schedule_repository::insert(tenant, schedule);
        schedule_repository::name_blobs(tenant, schedule.id, blobs);
        Answer answer{schedule.id.text(), render(schedule), false};
        remember_answer(tenant, idempotency, answer.body, 201, now);
        tenant.publish(SchedulesChanged{});
        return answer;
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

awaitable<Result<std::optional<Schedule>>> Schedules::find(OrganizationId organization, ScheduleId id) {
    auto task = [id](OrganizationSession& tenant) -> Result<std::optional<Schedule>> {
        return schedule_repository::find(tenant, id);
    };
    co_return co_await database_.read(organization, std::move(task));
}

awaitable<Result<Page<Schedule, ScheduleId>>> Schedules::list(OrganizationId organization,
                                                              schedule_repository::Filter filter) {
    auto task = [filter = std::move(filter)](OrganizationSession& tenant) -> Result<Page<Schedule, ScheduleId>> {
        return schedule_repository::list(tenant, filter);
    };
    co_return co_await database_.read(organization, std::move(task));
}

// `apply` sees the schedule as it is, and returns an error only before it writes.
awaitable<Result<Schedule>> Schedules::change(OrganizationId organization, ScheduleId id, Change apply) {
    auto task = [id, apply = std::move(apply)](OrganizationSession& tenant) -> Result<Schedule> {
        const auto schedule = schedule_repository::find(tenant, id);
        if (!schedule) return no_such_schedule(id);
        if (const auto done = apply(tenant, *schedule); !done) return done.error();
        tenant.publish(SchedulesChanged{});
        return schedule_repository::find(tenant, id).value_or(*schedule);
    };
    co_return co_await database_.write(organization, std::move(task));
}

awaitable<Result<Schedule>> Schedules::update(values::Principal who, ScheduleId id, NewSchedule asked) {
    auto planned = plan(who, asked, clock_.now());
    if (!planned) co_return planned.error();
    Change replace = [planned = std::move(planned->schedule), blobs = std::move(planned->blobs)](
                         OrganizationSession& tenant, const Schedule& present) -> Result<void> {
        auto wanted = planned;
        if (wanted.name != present.name && schedule_repository::find(tenant, wanted.name))
            return name_taken(wanted.name);
        wanted.id = present.id;
        // The same times as before: one that has just come is not lost.
        if (wanted.cron == present.cron && wanted.time_zone == present.time_zone)
            wanted.next_run_at = present.next_run_at;
        schedule_repository::update(tenant, wanted);
        schedule_repository::name_blobs(tenant, wanted.id, blobs);
        return success();
    };
    co_return co_await change(who.organization, id, std::move(replace));
}

awaitable<Result<void>> Schedules::remove(values::Principal who, ScheduleId id) {
    Change erase = [](OrganizationSession& tenant, const Schedule& present) -> Result<void> {
        schedule_repository::remove(tenant, present.id);
        return success();
    };
    const auto removed = co_await change(who.organization, id, std::move(erase));
    if (!removed) co_return removed.error();
    co_return success();
}

awaitable<Result<Schedule>> Schedules::pause(values::Principal who, ScheduleId id) {
    Change stop_it = [now = clock_.now()](OrganizationSession& tenant, const Schedule& present) -> Result<void> {
        schedule_repository::pause(tenant, present.id, now);
        return success();
    };
    co_return co_await change(who.organization, id, std::move(stop_it));
}

awaitable<Result<Schedule>> Schedules::resume(values::Principal who, ScheduleId id) {
    Change go_on = [now = clock_.now()](OrganizationSession& tenant, const Schedule& present) -> Result<void> {
        if (!present.paused_at) return success();
        const auto timetable = Timetable::of(present);
        if (!timetable) return timetable.error();
        schedule_repository::resume(tenant, present.id, timetable->next(now));
        return success();
    };
    co_return co_await change(who.organization, id, std::move(go_on));
}

awaitable<Result<Schedules::Answer>> Schedules::run(values::Principal who, ScheduleId id,
                                                    std::optional<IdempotentRequest> idempotency) {
    const Timestamp now = clock_.now();
    const auto schedule = co_await find(who.organization, id);
    if (!schedule) co_return schedule.error();
    if (!*schedule) co_return no_such_schedule(id);
    auto pending = templates_.prepare(**schedule, now, now);
    if (!pending) co_return pending.error();
    auto task = [id, pending = std::move(*pending), idempotency = std::move(idempotency),
                 now](OrganizationSession& tenant) -> Result<Answer> {
        auto earlier = earlier_answer(tenant, idempotency);
        if (!earlier) return earlier.error();
        if (*earlier) return again(std::move(**earlier));
        if (!schedule_repository::find(tenant, id)) return no_such_schedule(id); // removed meanwhile
        const auto job = pending.store(tenant, now);
        if (!job) return job.error();
        schedule_repository::fired(tenant, id, now, job->id);
        // A queue's name is a plain word, so nothing here needs escaping.
        Answer answer{job->id.text(),
                      fmt::format(R"({{"id":"{}","state":"{}","queue":"{}"}})", job->id.text(),
                                  values::name(job->state), job->queue),
                      false};
        remember_answer(tenant, idempotency, answer.body, 202, now);
        return answer;
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

} // namespace millrace::jobs
