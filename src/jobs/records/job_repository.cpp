#include "jobs/job_repository.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/records/job_columns.hpp"

#include <boost/json/string.hpp>

namespace millrace::jobs::job_repository {
namespace {

using values::Job;
using values::JobState;
using store::Rows;
using store::Sql;
using store::OrganizationSession;

constexpr Sql insert_job{
    "INSERT INTO jobs (organization_id, id, created_by, kind, queue, resource, state, priority, payload, tags, "
    "attempt, max_attempts, timeout_us, "
    "created_at, run_at, retry, expires_at, deadline_at, unique_key, flow_id, flow_ref, blocked_by) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"};
constexpr Sql insert_finished{"INSERT INTO finished_jobs (organization_id, id, created_by, kind, queue, resource, "
                              "state, priority, payload, tags, attempt, max_attempts, "
                              "timeout_us, created_at, run_at, retry, expires_at, deadline_at, unique_key, flow_id, "
                              "flow_ref, error_code, error_message, finished_at) "
                              "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13, $14, $15, $16, $17, "
                              "$18, $19, $20, $21, $22, $23)"};

constexpr Sql find_job{"SELECT " MILLRACE_JOB_COLUMNS " FROM jobs WHERE organization_id = $1 AND id = $2"};
constexpr Sql find_open_state{"SELECT state FROM jobs WHERE organization_id = $1 AND id = $2"};
constexpr Sql find_ended_state{"SELECT state FROM finished_jobs WHERE organization_id = $1 AND id = $2"};
constexpr Sql find_finished{"SELECT " MILLRACE_FINISHED_COLUMNS
                            " FROM finished_jobs WHERE organization_id = $1 AND id = $2"};

constexpr Sql list_attempts{
    "SELECT attempt, started_at, ended_at, outcome, error_code, error_message FROM job_attempts "
    "WHERE organization_id = $1 AND job_id = $2 ORDER BY attempt"};
constexpr Sql list_dependencies{
    "SELECT parent_id, on_failure FROM job_dependencies WHERE organization_id = $1 AND job_id = $2 ORDER BY parent_id"};

// The columns that both tables begin with, then `more`.
template <class... More>
void insert_row(OrganizationSession& session, const Sql& sql, const Job& job, const More&... more) {
    const auto retry = job.retry ? json_text(job.retry->to_json()) : std::string{};
    session.insert(sql, {job.id,
                         id_or_empty(job.created_by),
                         job.kind,
                         job.queue,
                         job.resource,
                         values::name(job.state),
                         job.priority,
                         job.payload,
                         job.tags,
                         job.max_attempts,
                         micros(job.timeout_seconds),
                         job.created_at,
                         job.run_at,
                         text_or_null(retry),
                         job.expires_at,
                         job.deadline_at,
                         text_or_null(job.unique_key),
                         job.flow,
                         text_or_null(job.flow_ref),
                         more...});
}

} // namespace

Job read_job(Rows& rows) {
    Job job;
    job.id = rows.id<JobId>(0);
    job.organization = rows.id<OrganizationId>(1);
    if (!rows.text(2).empty()) job.created_by = rows.id<ActorId>(2);
    job.kind = rows.text(3);
    job.queue = rows.text(4);
    job.resource = rows.text(5);
    job.state = *values::job_state(rows.text(6));
    job.priority = static_cast<int>(rows.integer(7));
    job.payload = rows.text(8);
    job.tags = rows.text(9);
    job.attempt = static_cast<int>(rows.integer(10));
    job.max_attempts = static_cast<int>(rows.integer(11));
    job.timeout_seconds = static_cast<double>(rows.integer(12)) / 1e6;
    job.created_at = rows.time(13);
    job.run_at = rows.time(14);
    if (!rows.is_null(15))
        if (auto policy = values::RetryPolicy::from_json(parse_json(rows.text(15)).value()))
            job.retry = std::move(*policy);
    job.expires_at = rows.maybe_time(16);
    job.deadline_at = rows.maybe_time(17);
    job.unique_key = rows.text(18);
    if (!rows.is_null(19)) job.flow = rows.id<FlowId>(19);
    job.flow_ref = rows.text(20);
    job.blocked_by = static_cast<int>(rows.integer(21));
    job.started_at = rows.maybe_time(22);
    job.worker = rows.text(23);
    job.progress_percent = static_cast<int>(rows.integer(24));
    if (!rows.is_null(25)) job.error = values::JobError{rows.string(25), rows.string(26)};
    job.result = rows.text(27);
    job.finished_at = rows.maybe_time(28);
    return job;
}

void insert(OrganizationSession& session, const Job& job) { insert_row(session, insert_job, job, job.blocked_by); }

void insert_ended(OrganizationSession& session, const Job& job, Timestamp now) {
    const auto error = job.error.value_or(values::JobError{});
    insert_row(session, insert_finished, job, text_or_null(error.code), text_or_null(error.message), now);
}

std::optional<Job> find(OrganizationSession& session, JobId id) {
    {
        auto rows = session.query(find_job, {id});
        if (rows.next()) return read_job(rows);
    }
    auto rows = session.query(find_finished, {id});
    return rows.next() ? std::optional{read_job(rows)} : std::nullopt;
}

std::optional<JobState> find_state(OrganizationSession& session, JobId id) {
    {
        auto rows = session.query(find_open_state, {id});
        if (rows.next()) return values::job_state(rows.text(0));
    }
    auto rows = session.query(find_ended_state, {id});
    return rows.next() ? values::job_state(rows.text(0)) : std::nullopt;
}

std::vector<values::JobAttempt> attempts(OrganizationSession& session, JobId id) {
    auto rows = session.query(list_attempts, {id});
    std::vector<values::JobAttempt> all;
    while (rows.next())
        all.push_back({static_cast<int>(rows.integer(0)),
                       rows.time(1),
                       rows.time(2),
                       rows.string(3),
                       {rows.string(4), rows.string(5)}});
    return all;
}

std::vector<values::Dependency> dependencies(OrganizationSession& session, JobId id) {
    auto rows = session.query(list_dependencies, {id});
    std::vector<values::Dependency> all;
    while (rows.next())
        all.push_back({rows.id<JobId>(0), values::on_failure(rows.text(1)).value_or(values::OnFailure::fail)});
    return all;
}

std::size_t shown_bytes(const Job& job) {
    constexpr std::size_t members = 640;
    return members + job.payload.size() + job.result.size() + job.tags.size() +
           (job.error ? job.error->message.size() : 0);
}

std::string stored_tag(const std::pair<std::string, std::string>& tag) {
    const auto object = json_text(boost::json::object{{tag.first, tag.second}});
    return object.substr(1, object.size() - 2);
}

} // namespace millrace::jobs::job_repository
