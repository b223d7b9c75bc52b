#include "jobs/job_repository.hpp"

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

constexpr Sql insert_job{"INSERT INTO jobs (organization_id, id, kind, queue, state, priority, payload, tags, attempt, max_attempts, timeout_us, "
                         "created_at, run_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12)"};

#define JOB_COLUMNS                                                                                                                \
    "id, organization_id, kind, queue, state, priority, payload, tags, attempt, max_attempts, timeout_us, created_at, run_at, "    \
    "started_at, finished_at, progress_percent, result, error_code, error_message"

constexpr Sql find_job{"SELECT " JOB_COLUMNS " FROM jobs WHERE organization_id = $1 AND id = $2"};

constexpr Sql list_jobs{
    "SELECT " JOB_COLUMNS " FROM jobs WHERE organization_id = $1 AND id < $2 "
    "AND ($3 = '' OR state = $3 OR ($3 = 'queued' AND state = 'scheduled' AND run_at <= $4)) "
    "AND NOT ($3 = 'scheduled' AND run_at <= $4) "
    "AND ($5 = '' OR kind = $5) AND ($6 = '' OR queue = $6) AND ($7 = '' OR tags LIKE $7 ESCAPE '~') "
    "AND created_at >= $8 AND created_at < $9 ORDER BY id DESC LIMIT $10"};

constexpr Sql list_attempts{"SELECT attempt, started_at, ended_at, outcome, error_code, error_message FROM job_attempts "
                            "WHERE organization_id = $1 AND job_id = $2 ORDER BY attempt"};

constexpr Sql insert_request{"INSERT INTO idempotency_keys (organization_id, scope, key, payload_sha256, response_status, response_body, "
                             "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"};
constexpr Sql find_request{"SELECT payload_sha256, response_status, response_body FROM idempotency_keys "
                           "WHERE organization_id = $1 AND scope = $2 AND key = $3"};
constexpr Sql delete_requests{"DELETE FROM idempotency_keys WHERE created_at < $1"};

constexpr Sql claim_job{"UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_token = $2, started_at = $3, "
                        "progress_percent = 0 WHERE id = $1 AND state IN ('queued', 'scheduled') "
                        "RETURNING organization_id, attempt, max_attempts, priority, payload, timeout_us"};
constexpr Sql complete_job{"UPDATE jobs SET state = 'succeeded', result = $3, finished_at = $4, progress_percent = 100, lease_token = NULL, "
                           "error_code = NULL, error_message = NULL WHERE id = $1 AND lease_token = $2"};
constexpr Sql fail_job{"UPDATE jobs SET state = $3, run_at = coalesce($4, run_at), finished_at = $5, lease_token = NULL, error_code = $6, "
                       "error_message = $7 WHERE id = $1 AND lease_token = $2"};
constexpr Sql release_job{"UPDATE jobs SET state = 'queued', attempt = attempt - 1, lease_token = NULL WHERE id = $1 AND lease_token = $2"};
constexpr Sql insert_attempt{"INSERT INTO job_attempts (organization_id, job_id, attempt, started_at, ended_at, outcome, error_code, "
                             "error_message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"};
constexpr Sql count_outcomes{"SELECT outcome, count(*) FROM job_attempts WHERE organization_id = $1 AND job_id = $2 GROUP BY outcome"};

constexpr Sql select_running{"SELECT id, organization_id, attempt, started_at FROM jobs WHERE finished_at IS NULL AND state = 'running'"};
constexpr Sql requeue_job{"UPDATE jobs SET state = $2, finished_at = $3, lease_token = NULL, error_code = $4, error_message = $5 "
                          "WHERE id = $1"};
constexpr Sql select_waiting{"SELECT id, queue, kind, priority, run_at FROM jobs WHERE finished_at IS NULL AND state IN ('queued', 'scheduled') "
                             "ORDER BY run_at, id"};
constexpr Sql count_final{"SELECT state, count(*) FROM jobs WHERE finished_at < $1 GROUP BY state"};

constexpr Sql cancel_job{"UPDATE jobs SET state = 'cancelled', finished_at = $3, lease_token = NULL WHERE organization_id = $1 AND id = $2 "
                         "AND state IN ('scheduled', 'blocked', 'queued', 'running')"};
constexpr Sql replay_job{"UPDATE jobs SET state = 'queued', run_at = $3, finished_at = NULL, max_attempts = attempt + max_attempts, "
                         "error_code = NULL, error_message = NULL WHERE organization_id = $1 AND id = $2 "
                         "AND state IN ('dead', 'cancelled', 'expired')"};

Job read_job(Rows& rows) {
    Job job;
    job.id = rows.id<JobId>(0);
    job.organization = rows.id<OrganizationId>(1);
    job.kind = rows.text(2);
    job.queue = rows.text(3);
    job.state = *model::job_state(rows.text(4));
    job.priority = static_cast<int>(rows.integer(5));
    job.payload = rows.text(6);
    job.tags = rows.text(7);
    job.attempt = static_cast<int>(rows.integer(8));
    job.max_attempts = static_cast<int>(rows.integer(9));
    job.timeout_seconds = static_cast<double>(rows.integer(10)) / 1e6;
    job.created_at = {rows.integer(11)};
    job.run_at = {rows.integer(12)};
    job.started_at = rows.maybe_time(13);
    job.finished_at = rows.maybe_time(14);
    job.progress_percent = static_cast<int>(rows.integer(15));
    if (!rows.is_null(16)) job.result = rows.text(16);
    if (!rows.is_null(17)) job.error = model::JobError{std::string{rows.text(17)}, std::string{rows.text(18)}};
    return job;
}

// The tag as it stands in the stored JSON object, as a LIKE pattern.
std::string tag_pattern(const std::pair<std::string, std::string>& tag) {
    const std::string member = boost::json::serialize(boost::json::string{tag.first}) + ":" + boost::json::serialize(boost::json::string{tag.second});
    std::string pattern = "%";
    for (char c : member) {
        if (c == '%' || c == '_' || c == '~') pattern += '~';
        pattern += c;
    }
    return pattern + "%";
}

} // namespace

void insert(TenantSession& session, const Job& job) {
    session.execute(insert_job, {job.id, job.kind, job.queue, model::name(job.state), job.priority, job.payload, job.tags, job.max_attempts,
                                 static_cast<std::int64_t>(job.timeout_seconds * 1e6), job.created_at, job.run_at});
}

std::optional<Job> find(TenantSession& session, JobId id) {
    auto rows = session.query(find_job, {id});
    return rows.next() ? std::optional{read_job(rows)} : std::nullopt;
}

std::vector<model::JobAttempt> attempts(TenantSession& session, JobId id) {
    auto rows = session.query(list_attempts, {id});
    std::vector<model::JobAttempt> all;
    while (rows.next())
        all.push_back({static_cast<int>(rows.integer(0)), {rows.integer(1)}, {rows.integer(2)}, std::string{rows.text(3)},
                       {std::string{rows.text(4)}, std::string{rows.text(5)}}});
    return all;
}

std::vector<Job> list(TenantSession& session, const Filter& filter, Timestamp now) {
    const std::string before = filter.before ? filter.before->text() : "~"; // sorts after every id
    const std::string_view state = filter.state ? model::name(*filter.state) : "";
    const std::string tag = filter.tag ? tag_pattern(*filter.tag) : "";
    auto rows = session.query(list_jobs, {before, state, now, filter.kind.value_or(""), filter.queue.value_or(""), tag,
                                          filter.created_after.value_or(Timestamp{0}),
                                          filter.created_before.value_or(Timestamp{INT64_MAX}), filter.limit});
    std::vector<Job> jobs;
    while (rows.next()) jobs.push_back(read_job(rows));
    return jobs;
}

std::optional<StoredAnswer> remember_request(TenantSession& session, const std::string& scope, const std::string& key,
                                             const StoredAnswer& answer, Timestamp now) {
    if (session.execute(insert_request, {scope, key, answer.payload_sha256, answer.status, answer.body, now}) == 1) return std::nullopt;
    auto rows = session.query(find_request, {scope, key});
    rows.next();
    return StoredAnswer{std::string{rows.text(0)}, std::string{rows.text(2)}, static_cast<int>(rows.integer(1))};
}

void forget_requests(Session& session, Timestamp older_than) { session.execute(delete_requests, {older_than}); }

std::optional<Claimed> claim(Session& session, JobId id, std::int64_t lease, Timestamp now) {
    auto rows = session.query(claim_job, {id, lease, now});
    if (!rows.next()) return std::nullopt;
    Claimed claimed{rows.id<OrganizationId>(0),      static_cast<int>(rows.integer(1)), static_cast<int>(rows.integer(2)),
                    static_cast<int>(rows.integer(3)),         std::string{rows.text(4)},         static_cast<double>(rows.integer(5)) / 1e6};
    rows.next(); // an UPDATE … RETURNING is done when its rows have been read to the end
    return claimed;
}

bool complete(Session& session, JobId id, std::int64_t lease, const std::string& result, Timestamp now) {
    return session.execute(complete_job, {id, lease, result, now}) == 1;
}

bool fail(Session& session, JobId id, std::int64_t lease, const model::JobError& error, std::optional<Timestamp> retry_at, Timestamp now) {
    const auto finished_at = retry_at ? std::nullopt : std::optional{now};
    return session.execute(fail_job, {id, lease, model::name(retry_at ? JobState::scheduled : JobState::dead), retry_at, finished_at,
                                      error.code, error.message}) == 1;
}

void add_attempt(Session& session, OrganizationId organization, JobId id, const model::JobAttempt& attempt) {
    session.execute(insert_attempt, {organization, id, attempt.number, attempt.started_at, attempt.ended_at, attempt.outcome,
                                     attempt.error.code, attempt.error.message});
}

AttemptCounts count_attempts(Session& session, OrganizationId organization, JobId id) {
    AttemptCounts counts;
    auto rows = session.query(count_outcomes, {organization, id});
    while (rows.next()) {
        const auto n = static_cast<int>(rows.integer(1));
        if (rows.text(0) == "failed") counts.failed = n;
        else if (rows.text(0) == "worker_lost") counts.worker_lost = n;
        else if (rows.text(0) == "lost") counts.lost = n;
    }
    return counts;
}

std::size_t requeue_running(Session& session, int max_lost, Timestamp now) {
    struct Running {
        JobId id;
        OrganizationId organization;
        int attempt;
        Timestamp started_at;
    };
    std::vector<Running> running;
    {
        auto rows = session.query(select_running, {});
        while (rows.next())
            running.push_back({rows.id<JobId>(0), rows.id<OrganizationId>(1), static_cast<int>(rows.integer(2)),
                               {rows.integer(3)}});
    }
    const model::JobError lost{"daemon_lost", "the daemon stopped while this attempt ran"};
    for (const auto& job : running) {
        add_attempt(session, job.organization, job.id, {job.attempt, job.started_at, now, "lost", lost});
        const bool dead = count_attempts(session, job.organization, job.id).lost >= max_lost;
        session.execute(requeue_job, {job.id, model::name(dead ? JobState::dead : JobState::queued),
                                      dead ? std::optional{now} : std::nullopt, lost.code, lost.message});
    }
    return running.size();
}

void each_waiting(Session& session, const std::function<void(const WaitingRow&)>& visit) {
    auto rows = session.query(select_waiting, {});
    while (rows.next())
        visit({rows.id<JobId>(0), rows.text(1), rows.text(2), static_cast<int>(rows.integer(3)), {rows.integer(4)}});
}

std::vector<std::pair<JobState, std::int64_t>> count_ended(Session& session, Timestamp before) {
    std::vector<std::pair<JobState, std::int64_t>> counts;
    auto rows = session.query(count_final, {before});
    while (rows.next())
        if (const auto state = model::job_state(rows.text(0))) counts.emplace_back(*state, rows.integer(1));
    return counts;
}

void release(Session& session, JobId id, std::int64_t lease) { session.execute(release_job, {id, lease}); }

bool cancel(TenantSession& session, JobId id, Timestamp now) {
    return session.execute(cancel_job, {id, now}) == 1;
}

bool replay(TenantSession& session, JobId id, Timestamp now) {
    return session.execute(replay_job, {id, now}) == 1;
}

} // namespace millrace::jobs::job_repository
