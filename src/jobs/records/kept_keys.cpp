// The keys by which requests and jobs are known again: idempotency keys and unique keys.
#include "jobs/job_repository.hpp"
#include "store/turn.hpp"

namespace millrace::jobs::job_repository {
namespace {

using values::Job;
using store::SystemSession;
using store::Sql;
using store::OrganizationSession;

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
    "forget_at = CASE WHEN unique_keys.forget_at > excluded.forget_at THEN unique_keys.forget_at ELSE "
    "excluded.forget_at END"};
constexpr Sql select_old_unique{
    "SELECT k.organization_id, k.unique_key, EXISTS (SELECT 1 FROM jobs WHERE jobs.id = k.job_id) FROM unique_keys k "
    "WHERE k.forget_at <= $1 ORDER BY k.forget_at LIMIT $2"};
constexpr Sql put_off_unique{"UPDATE unique_keys SET forget_at = $3 WHERE organization_id = $1 AND unique_key = $2"};
constexpr Sql delete_unique{"DELETE FROM unique_keys WHERE organization_id = $1 AND unique_key = $2"};

constexpr auto least_unique_memory = std::chrono::hours{24 * 31};

} // namespace

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
