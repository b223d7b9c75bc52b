// Jobs after their submission: found, listed, cancelled and tried again.
#include "base/crash_point.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/job_service.hpp"
#include "jobs/records/read_page.hpp"
#include "jobs/submission/read_payload.hpp"

#include <fmt/format.h>

namespace millrace::jobs {

using store::OrganizationSession;

Error no_such_job(JobId id) { return {Code::not_found, fmt::format("there is no job {}", id.text())}; }

awaitable<Result<std::optional<values::Job>>> JobService::find(OrganizationId organization, JobId id) {
    auto task = [id](OrganizationSession& tenant) -> Result<std::optional<values::Job>> {
        return job_repository::find(tenant, id);
    };
    co_return co_await database_.read(organization, std::move(task));
}

awaitable<Result<std::optional<JobDetail>>> JobService::detail(OrganizationId organization, JobId id) {
    auto task = [id](OrganizationSession& tenant) -> Result<std::optional<JobDetail>> {
        auto job = job_repository::find(tenant, id);
        if (!job) return std::optional<JobDetail>{};
        return std::optional{
            JobDetail{std::move(*job), job_repository::attempts(tenant, id), job_repository::dependencies(tenant, id)}};
    };
    auto found = co_await database_.read(organization, std::move(task));
    if (found && *found) co_await dispatcher_.add_progress(std::span{&(*found)->job, 1});
    co_return found;
}

awaitable<Result<std::optional<Explained>>> JobService::why(OrganizationId organization, JobId id) {
    auto task = [id](OrganizationSession& tenant) -> Result<std::optional<Explained>> {
        auto job = job_repository::find(tenant, id);
        if (!job) return std::optional<Explained>{};
        Explained found{std::move(*job), {}, {}, {}};
        if (found.job.state == values::JobState::blocked)
            for (const auto& each : job_repository::dependencies(tenant, id))
                found.waits_for.push_back(
                    {each.parent, job_repository::find_state(tenant, each.parent), each.on_failure});
        return std::optional{std::move(found)};
    };
    auto found = co_await database_.read(organization, std::move(task));
    if (!found || !*found) co_return found;
    auto& explained = **found;
    Standing standing;
    if (!values::is_final(explained.job.state)) standing = co_await dispatcher_.standing(explained.job);
    explained.why = jobs::why(explained.job, explained.waits_for, standing, clock_.now());
    explained.outlook = standing.outlook;
    std::erase_if(explained.waits_for, [](const ParentView& parent) { return !holds_up(parent); });
    co_return found;
}

awaitable<Result<job_repository::JobPage>> JobService::list(OrganizationId organization,
                                                            job_repository::Filter filter) {
    auto look = [now = clock_.now()](OrganizationSession& tenant, const job_repository::Filter& from) {
        return job_repository::list(tenant, from, now);
    };
    auto page = co_await read_page(database_, organization, std::move(filter), look);
    if (page) co_await dispatcher_.add_progress(std::span{page->items});
    co_return page;
}

awaitable<Result<void>> JobService::cancel(values::Principal who, JobId id) {
    auto task = [who, id, now = clock_.now()](OrganizationSession& tenant) -> Result<void> {
        const auto job = job_repository::find(tenant, id);
        if (!job) return no_such_job(id);
        if (values::is_final(job->state))
            return Error{Code::conflict, fmt::format("the job has already ended: it is {}", values::name(job->state))};
        crash_point("cancel.before_write");
        Settled settled;
        const values::JobError why{"cancelled", fmt::format("cancelled by {}", who.name)};
        end_job(tenant, id, values::JobState::cancelled, why, now, settled);
        publish(tenant, std::move(settled));
        return success();
    };
    auto done = co_await database_.write(who.organization, std::move(task));
    if (done) crash_point("cancel.before_answer");
    co_return done;
}

awaitable<Result<void>> JobService::retry(values::Principal who, JobId id, std::optional<std::string> payload) {
    auto found = co_await find(who.organization, id);
    if (!found) co_return found.error();
    if (!*found) co_return no_such_job(id);
    const auto& before = **found;
    if (payload)
        if (const auto read = read_payload(dispatcher_.processor(before.kind), who.organization, *payload); !read)
            co_return read.error();
    if (values::is_final(before.state) && before.state != values::JobState::succeeded)
        if (auto admitted = dispatcher_.admits_again(who.organization, before.queue, before.kind); !admitted)
            co_return admitted.error();
    auto task = [id, payload = std::move(payload), now = clock_.now()](OrganizationSession& tenant) -> Result<void> {
        const auto job = job_repository::find(tenant, id);
        if (!job) return no_such_job(id);
        auto moved = replay_job(tenant, id, now, payload, now);
        if (!moved && moved.error().held_by)
            return Error{
                Code::conflict,
                fmt::format(
                    "job {} has the unique key \"{}\" and has not ended; wait for it or cancel it, then retry this one",
                    moved.error().held_by->text(), job->unique_key)};
        if (!moved && moved.error().failed_parent)
            return Error{Code::conflict,
                         fmt::format("job {}, which it depends on, ended without success; retry that one first",
                                     moved.error().failed_parent->text())};
        if (!moved)
            return Error{Code::conflict,
                         fmt::format("only a dead, cancelled or expired job can be retried; this one is {}",
                                     values::name(job->state))};
        publish(tenant, {{std::move(*moved)}});
        return success();
    };
    auto done = co_await database_.write(who.organization, std::move(task));
    if (done) crash_point("replay.before_answer");
    co_return done;
}

} // namespace millrace::jobs
