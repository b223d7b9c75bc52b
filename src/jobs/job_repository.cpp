#include "jobs/job_repository.hpp"

#include "jobs/job_columns.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace millrace::jobs::job_repository {
namespace {

using model::Job;
using model::JobState;
using store::Rows;
using store::Session;
using store::Sql;
using store::TenantSession;
using store::Value;

constexpr Sql insert_job{
    "INSERT INTO jobs (organization_id, id, created_by, kind, queue, resource, state, priority, payload, tags, attempt, max_attempts, timeout_us, "
    "created_at, run_at, retry, expires_at, deadline_at, unique_key, flow_id, flow_ref, blocked_by) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)"};
constexpr Sql insert_finished{
    "INSERT INTO finished_jobs (organization_id, id, created_by, kind, queue, resource, state, priority, payload, tags, attempt, max_attempts, "
    "timeout_us, created_at, run_at, retry, expires_at, deadline_at, unique_key, flow_id, flow_ref, error_code, error_message, finished_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"};

constexpr Sql find_job{"SELECT " MILLRACE_JOB_COLUMNS " FROM jobs WHERE organization_id = $1 AND id = $2"};
constexpr Sql find_finished{"SELECT " MILLRACE_FINISHED_COLUMNS " FROM finished_jobs WHERE organization_id = $1 AND id = $2"};

#define MILLRACE_LIST_FILTER                                                                                                        \
    "organization_id = $1 AND id < $2 AND ($3 = '' OR state = $3 OR ($3 = 'queued' AND state = 'scheduled' AND run_at <= $4)) "     \
    "AND NOT ($3 = 'scheduled' AND run_at <= $4) "                                                                                  \
    "AND ($5 = '' OR kind = $5) AND ($6 = '' OR queue = $6) AND " MILLRACE_HAS_TAG("$7") " "                                           \
    "AND created_at >= $8 AND created_at < $9 AND ($10 = '' OR flow_id = $10)"
// Both halves come in the order of their index and are merged: a page costs what it shows and what it passes over.
constexpr Sql list_jobs{"SELECT " MILLRACE_JOB_COLUMNS " FROM jobs WHERE " MILLRACE_LIST_FILTER
                        " UNION ALL SELECT " MILLRACE_FINISHED_COLUMNS " FROM finished_jobs WHERE " MILLRACE_LIST_FILTER
                        " ORDER BY id DESC LIMIT $11"};

constexpr Sql list_attempts{"SELECT attempt, started_at, ended_at, outcome, error_code, error_message FROM job_attempts "
                            "WHERE organization_id = $1 AND job_id = $2 ORDER BY attempt"};
constexpr Sql list_dependencies{"SELECT parent_id, on_failure FROM job_dependencies WHERE organization_id = $1 AND job_id = $2 ORDER BY parent_id"};

constexpr Sql insert_request{"INSERT INTO idempotency_keys (organization_id, scope, key, payload_sha256, response_status, response_body, "
                             "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"};
constexpr Sql select_request{"SELECT payload_sha256, response_status, response_body FROM idempotency_keys "
                             "WHERE organization_id = $1 AND scope = $2 AND key = $3"};
constexpr Sql delete_requests{"DELETE FROM idempotency_keys WHERE (organization_id, scope, key) IN (SELECT organization_id, scope, key "
                              "FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)"};

constexpr Sql select_unique{"SELECT job_id FROM unique_keys WHERE organization_id = $1 AND unique_key = $2"};
constexpr Sql upsert_unique{"INSERT INTO unique_keys (organization_id, unique_key, job_id, created_at) VALUES ($1, $2, $3, $4) "
                            "ON CONFLICT (organization_id, unique_key) DO UPDATE SET job_id = excluded.job_id, created_at = excluded.created_at"};
constexpr Sql delete_unique{"DELETE FROM unique_keys WHERE (organization_id, unique_key) IN (SELECT organization_id, unique_key FROM unique_keys "
                            "WHERE created_at < $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id) ORDER BY created_at LIMIT $2)"};

std::string retry_text(const Job& job) { return job.retry ? boost::json::serialize(job.retry->to_json()) : std::string{}; }

} // namespace

Job read_job(Rows& rows) {
    Job job;
    job.id = rows.id<JobId>(0);
    job.organization = rows.id<OrganizationId>(1);
    if (!rows.text(2).empty()) job.created_by = rows.id<KeyId>(2);
    job.kind = rows.text(3);
    job.queue = rows.text(4);
    job.resource = rows.text(5);
    job.state = *model::job_state(rows.text(6));
    job.priority = static_cast<int>(rows.integer(7));
    job.payload = rows.text(8);
    job.tags = rows.text(9);
    job.attempt = static_cast<int>(rows.integer(10));
    job.max_attempts = static_cast<int>(rows.integer(11));
    job.timeout_seconds = static_cast<double>(rows.integer(12)) / 1e6;
    job.created_at = rows.time(13);
    job.run_at = rows.time(14);
    if (!rows.is_null(15))
        if (auto policy = model::RetryPolicy::from_json(boost::json::parse(rows.text(15)))) job.retry = std::move(*policy);
    job.expires_at = rows.maybe_time(16);
    job.deadline_at = rows.maybe_time(17);
    job.unique_key = rows.text(18);
    if (!rows.is_null(19)) job.flow = rows.id<FlowId>(19);
    job.flow_ref = rows.text(20);
    job.blocked_by = static_cast<int>(rows.integer(21));
    job.started_at = rows.maybe_time(22);
    job.worker = rows.text(23);
    job.progress_percent = static_cast<int>(rows.integer(24));
    if (!rows.is_null(25)) job.error = model::JobError{rows.string(25), rows.string(26)};
    job.result = rows.text(27);
    job.finished_at = rows.maybe_time(28);
    return job;
}

void insert(TenantSession& session, const Job& job) {
    const auto retry = retry_text(job);
    session.execute(insert_job, {job.id, id_or_empty(job.created_by), job.kind, job.queue, job.resource, model::name(job.state), job.priority, job.payload,
                                 job.tags, job.max_attempts, micros(job.timeout_seconds), job.created_at, job.run_at, text_or_null(retry), job.expires_at,
                                 job.deadline_at, text_or_null(job.unique_key), job.flow, text_or_null(job.flow_ref), job.blocked_by});
}

void insert_ended(TenantSession& session, const Job& job, Timestamp now) {
    const auto retry = retry_text(job);
    const auto error = job.error.value_or(model::JobError{});
    session.execute(insert_finished, {job.id, id_or_empty(job.created_by), job.kind, job.queue, job.resource, model::name(job.state), job.priority, job.payload,
                                      job.tags, job.max_attempts, micros(job.timeout_seconds), job.created_at, job.run_at, text_or_null(retry), job.expires_at,
                                      job.deadline_at, text_or_null(job.unique_key), job.flow, text_or_null(job.flow_ref), text_or_null(error.code),
                                      text_or_null(error.message), now});
}

std::optional<Job> find(TenantSession& session, JobId id) {
    {
        auto rows = session.query(find_job, {id});
        if (rows.next()) return read_job(rows);
    }
    auto rows = session.query(find_finished, {id});
    return rows.next() ? std::optional{read_job(rows)} : std::nullopt;
}

std::vector<model::JobAttempt> attempts(TenantSession& session, JobId id) {
    auto rows = session.query(list_attempts, {id});
    std::vector<model::JobAttempt> all;
    while (rows.next())
        all.push_back({static_cast<int>(rows.integer(0)), rows.time(1), rows.time(2), rows.string(3), {rows.string(4), rows.string(5)}});
    return all;
}

std::vector<model::Dependency> dependencies(TenantSession& session, JobId id) {
    auto rows = session.query(list_dependencies, {id});
    std::vector<model::Dependency> all;
    while (rows.next()) all.push_back({rows.id<JobId>(0), model::on_failure(rows.text(1)).value_or(model::OnFailure::fail)});
    return all;
}

std::vector<Job> list(TenantSession& session, const Filter& filter, Timestamp now) {
    const std::string state{filter.state ? model::name(*filter.state) : ""};
    const std::string flow = filter.flow ? filter.flow->text() : "";
    // Above every id: the largest UUID.
    const std::string before = filter.before ? filter.before->text() : "ffffffff-ffff-ffff-ffff-ffffffffffff";
    auto rows = session.query(list_jobs, {before, state, now, filter.kind.value_or(""), filter.queue.value_or(""),
                                          filter.tag ? stored_tag(*filter.tag) : "", filter.created_after.value_or(Timestamp{0}),
                                          filter.created_before.value_or(Timestamp{std::numeric_limits<std::int64_t>::max()}), flow, filter.limit});
    std::vector<Job> found;
    while (rows.next()) found.push_back(read_job(rows));
    return found;
}

std::string stored_tag(const std::pair<std::string, std::string>& tag) {
    const auto object = boost::json::serialize(boost::json::object{{tag.first, tag.second}});
    return object.substr(1, object.size() - 2);
}

std::optional<StoredAnswer> find_request(TenantSession& session, const std::string& scope, const std::string& key) {
    auto rows = session.query(select_request, {scope, key});
    if (!rows.next()) return std::nullopt;
    return StoredAnswer{rows.string(0), rows.string(2), static_cast<int>(rows.integer(1))};
}

void remember_request(TenantSession& session, const std::string& scope, const std::string& key, const StoredAnswer& answer, Timestamp now) {
    session.execute(insert_request, {scope, key, answer.payload_sha256, answer.status, answer.body, now});
}

std::int64_t forget_requests(Session& session, Timestamp older_than, int most) { return session.execute(delete_requests, {older_than, most}); }

std::optional<Job> find_unique(TenantSession& session, const std::string& key) {
    JobId id;
    {
        auto rows = session.query(select_unique, {key});
        if (!rows.next()) return std::nullopt;
        id = rows.id<JobId>(0);
    }
    return find(session, id);
}

void remember_unique(TenantSession& session, const std::string& key, JobId id, Timestamp now) {
    session.execute(upsert_unique, {key, id, now});
}

std::int64_t forget_unique(Session& session, Timestamp older_than, int most) { return session.execute(delete_unique, {older_than, most}); }

} // namespace millrace::jobs::job_repository
