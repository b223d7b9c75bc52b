#include "jobs/job_repository.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/records/job_columns.hpp"
#include "jobs/records/look.hpp"
#include "store/turn.hpp"

#include <boost/json/string.hpp>

namespace millrace::jobs::job_repository {
namespace {

using values::Job;
using values::JobState;
using store::Rows;
using store::SystemSession;
using store::Sql;
using store::OrganizationSession;
using store::Value;

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

// Whether a row fits stands among its columns, not in WHERE: a look ends also where nothing fits. A CASE evaluates no
// more than it must, and what stands behind a large payload is expensive to read: it is asked for last.
#define MILLRACE_FITS                                                                                                 \
    "CASE WHEN organization_id = $1 AND ($3 = '' OR state = $3 OR ($3 = 'queued' AND state = 'scheduled' AND run_at " \
    "<= $4)) "                                                                                                        \
    "AND ($3 <> 'scheduled' OR run_at > $4) AND ($5 = '' OR kind = $5) AND ($6 = '' OR queue = $6) "                  \
    "AND ($8 IS NULL OR created_at >= $8) AND ($9 IS NULL OR created_at < $9) AND ($10 = '' OR flow_id = $10) "       \
    "AND " MILLRACE_HAS_TAG("$7") " THEN 1 ELSE 0 END"
#define MILLRACE_LOOK(TABLE, WHERE) "SELECT id, " MILLRACE_FITS " AS fits FROM " TABLE " WHERE " WHERE " AND id < $2"
#define MILLRACE_NEWEST " ORDER BY id DESC"
// Both halves come in the order of their index and are merged.
constexpr Sql look_at_all{MILLRACE_LOOK("jobs", "1") " UNION ALL " MILLRACE_LOOK("finished_jobs", "1") MILLRACE_NEWEST};
constexpr Sql look_at_open{MILLRACE_LOOK("jobs", "1") MILLRACE_NEWEST};
constexpr Sql look_at_ended{MILLRACE_LOOK("finished_jobs", "1") MILLRACE_NEWEST};
constexpr Sql look_at_dead{MILLRACE_LOOK("finished_jobs", "organization_id = $1 AND state = 'dead'") MILLRACE_NEWEST};
constexpr Sql look_at_flow{MILLRACE_LOOK("jobs", "flow_id = $10") " UNION ALL " MILLRACE_LOOK(
    "finished_jobs", "flow_id = $10") MILLRACE_NEWEST};

const Sql& look_for(const Filter& filter) {
    if (filter.flow) return look_at_flow;
    if (!filter.state) return look_at_all;
    if (!values::is_final(*filter.state)) return look_at_open;
    return *filter.state == JobState::dead ? look_at_dead : look_at_ended;
}

constexpr Sql list_attempts{
    "SELECT attempt, started_at, ended_at, outcome, error_code, error_message FROM job_attempts "
    "WHERE organization_id = $1 AND job_id = $2 ORDER BY attempt"};
constexpr Sql list_dependencies{
    "SELECT parent_id, on_failure FROM job_dependencies WHERE organization_id = $1 AND job_id = $2 ORDER BY parent_id"};

constexpr Sql insert_request{
    "INSERT INTO idempotency_keys (organization_id, scope, key, payload_sha256, response_status, response_body, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"};
constexpr Sql select_request{
    "SELECT payload_sha256, response_status, response_body FROM idempotency_keys "
    "WHERE organization_id = $1 AND scope IN ($2, $3) AND key = $4 ORDER BY scope <> $2 LIMIT 1"};
constexpr Sql select_old_requests{
    "SELECT organization_id, scope, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2"};
constexpr Sql delete_request{"DELETE FROM idempotency_keys WHERE organization_id = $1 AND scope = $2 AND key = $3"};

constexpr Sql select_unique{"SELECT job_id FROM unique_keys WHERE organization_id = $1 AND unique_key = $2"};
constexpr Sql upsert_unique{
    "INSERT INTO unique_keys (organization_id, unique_key, job_id, created_at, forget_at) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (organization_id, unique_key) DO UPDATE SET job_id = excluded.job_id, created_at = "
    "excluded.created_at, "
    "forget_at = CASE WHEN forget_at > excluded.forget_at THEN forget_at ELSE excluded.forget_at END"};
constexpr Sql select_old_unique{
    "SELECT k.organization_id, k.unique_key, EXISTS (SELECT 1 FROM jobs WHERE jobs.id = k.job_id) FROM unique_keys k "
    "WHERE k.forget_at <= $1 ORDER BY k.forget_at LIMIT $2"};
constexpr Sql put_off_unique{"UPDATE unique_keys SET forget_at = $3 WHERE organization_id = $1 AND unique_key = $2"};
constexpr Sql delete_unique{"DELETE FROM unique_keys WHERE organization_id = $1 AND unique_key = $2"};

constexpr auto least_unique_memory = std::chrono::hours{24 * 31};

std::string retry_text(const Job& job) { return job.retry ? json_text(job.retry->to_json()) : std::string{}; }

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

void insert(OrganizationSession& session, const Job& job) {
    const auto retry = retry_text(job);
    session.execute(insert_job, {job.id,
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
                                 job.blocked_by});
}

void insert_ended(OrganizationSession& session, const Job& job, Timestamp now) {
    const auto retry = retry_text(job);
    const auto error = job.error.value_or(values::JobError{});
    session.execute(insert_finished, {job.id,
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
                                      text_or_null(error.code),
                                      text_or_null(error.message),
                                      now});
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

JobPage list(OrganizationSession& session, const Filter& filter, Timestamp now, int most_rows) {
    const std::string state{filter.state ? values::name(*filter.state) : ""};
    const std::string flow = filter.flow ? filter.flow->text() : "";
    // Above every id: the largest UUID.
    const std::string before = filter.before ? filter.before->text() : "ffffffff-ffff-ffff-ffff-ffffffffffff";
    auto rows = session.query(look_for(filter), {before, state, now, filter.kind.value_or(""),
                                                 filter.queue.value_or(""), filter.tag ? stored_tag(*filter.tag) : "",
                                                 filter.created_after, filter.created_before, flow});
    JobPage page;
    Look look{most_rows};
    std::size_t bytes = 0;
    while (rows.next()) {
        const auto id = rows.id<JobId>(0);
        if (look.is_over(id)) {
            page.next = look.end();
            break;
        }
        auto job = rows.boolean(1) ? find(session, id) : std::nullopt;
        if (!job) continue;
        bytes += shown_bytes(*job);
        page.items.push_back(std::move(*job));
        if (static_cast<int>(page.items.size()) < filter.limit && bytes < most_page_bytes) continue;
        page.next = id;
        break;
    }
    return page;
}

std::string stored_tag(const std::pair<std::string, std::string>& tag) {
    const auto object = json_text(boost::json::object{{tag.first, tag.second}});
    return object.substr(1, object.size() - 2);
}

std::optional<StoredAnswer> find_request(OrganizationSession& session, const std::string& scope,
                                         const std::string& other_scope, const std::string& key) {
    auto rows = session.query(select_request, {scope, other_scope, key});
    if (!rows.next()) return std::nullopt;
    return StoredAnswer{rows.string(0), rows.string(2), static_cast<int>(rows.integer(1))};
}

void remember_request(OrganizationSession& session, const std::string& scope, const std::string& key,
                      const StoredAnswer& answer, Timestamp now) {
    session.execute(insert_request, {scope, key, answer.payload_sha256, answer.status, answer.body, now});
}

// One by one: the answer of a large batch is large, and then a turn is over after a few.
std::int64_t forget_requests(SystemSession& session, Timestamp older_than, int most) {
    struct Old {
        OrganizationId organization;
        std::string scope, key;
    };
    std::vector<Old> old;
    {
        auto rows = session.query(select_old_requests, {older_than, most});
        while (rows.next()) old.push_back({rows.id<OrganizationId>(0), rows.string(1), rows.string(2)});
    }
    std::int64_t forgotten = 0;
    store::Turn turn;
    for (const auto& each : old) {
        if (!turn.takes_another()) return most; // there is more
        forgotten += session.execute(delete_request, {each.organization, each.scope, each.key});
    }
    return forgotten;
}

std::optional<Job> find_unique(OrganizationSession& session, const std::string& key) {
    JobId id;
    {
        auto rows = session.query(select_unique, {key});
        if (!rows.next()) return std::nullopt;
        id = rows.id<JobId>(0);
    }
    return find(session, id);
}

void remember_unique(OrganizationSession& session, const std::string& key, JobId id,
                     std::optional<std::chrono::microseconds> period, Timestamp now) {
    const auto memory = std::max<std::chrono::microseconds>(period.value_or(least_unique_memory), least_unique_memory);
    session.execute(upsert_unique, {key, id, now, now + memory});
}

// A key whose job goes on for longer is met again after a while, not in each sweep.
std::int64_t forget_unique(SystemSession& session, Timestamp now, int most) {
    struct Old {
        OrganizationId organization;
        std::string key;
        bool lives;
    };
    std::vector<Old> old;
    {
        auto rows = session.query(select_old_unique, {now, most});
        while (rows.next()) old.push_back({rows.id<OrganizationId>(0), rows.string(1), rows.boolean(2)});
    }
    for (const auto& each : old) {
        if (each.lives) session.execute(put_off_unique, {each.organization, each.key, now + least_unique_memory});
        else session.execute(delete_unique, {each.organization, each.key});
    }
    return static_cast<std::int64_t>(old.size());
}

} // namespace millrace::jobs::job_repository
