#include "catalog/blob_repository.hpp"

#include <fmt/format.h>

namespace millrace::catalog::blob_repository {
namespace {

using store::SystemSession;
using store::Sql;
using store::OrganizationSession;

constexpr Sql delete_unused{"DELETE FROM blobs WHERE organization_id = $1 AND sha256 = $2 AND NOT EXISTS "
                            "(SELECT 1 FROM job_blobs AS u JOIN jobs AS j ON j.id = u.job_id WHERE u.organization_id = "
                            "$1 AND u.sha256 = $2) AND NOT EXISTS "
                            "(SELECT 1 FROM schedule_blobs AS s WHERE s.organization_id = $1 AND s.sha256 = $2)"};
constexpr Sql find_row{"SELECT 1 FROM blobs WHERE organization_id = $1 AND sha256 = $2"};
constexpr Sql find_job{"SELECT u.job_id FROM job_blobs AS u JOIN jobs AS j ON j.id = u.job_id WHERE u.organization_id "
                       "= $1 AND u.sha256 = $2 LIMIT 1"};
constexpr Sql select_expired{
    "SELECT organization_id, sha256 FROM blobs WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"};
constexpr Sql delete_expired{
    "DELETE FROM blobs WHERE organization_id = $1 AND sha256 = $2 AND expires_at <= $3 AND NOT EXISTS "
    "(SELECT 1 FROM job_blobs AS u WHERE u.organization_id = $1 AND u.sha256 = $2)"};
constexpr Sql leave_to_jobs{"UPDATE blobs SET owner = 'job', expires_at = NULL WHERE organization_id = $1 AND sha256 = "
                            "$2 AND expires_at <= $3"};
constexpr Sql insert_removal{
    "INSERT INTO blob_removals (sha256, since) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE sha256 = $1) "
    "ON CONFLICT (sha256) DO UPDATE SET since = excluded.since"};
constexpr Sql select_removals{"SELECT sha256 FROM blob_removals WHERE sha256 > $1 ORDER BY sha256 LIMIT $2"};
constexpr Sql find_any{"SELECT 1 FROM blobs WHERE sha256 = $1 LIMIT 1"};
constexpr Sql select_removal{"SELECT since, EXISTS (SELECT 1 FROM blobs AS b WHERE b.sha256 = r.sha256) FROM "
                             "blob_removals AS r WHERE r.sha256 = $1"};
constexpr Sql delete_removal{"DELETE FROM blob_removals WHERE sha256 = $1 AND since = $2"};

} // namespace

Result<void> remove(OrganizationSession& session, const std::string& sha256, Timestamp now) {
    if (session.execute(delete_unused, {sha256}) == 1) {
        want_removal(session.system(), sha256, now);
        return success();
    }
    if (!session.query(find_row, {sha256}).next())
        return Error{Code::not_found, fmt::format("there is no blob {}", sha256)};
    auto jobs = session.query(find_job, {sha256});
    if (jobs.next())
        return Error{Code::conflict,
                     fmt::format("job {} needs the blob; delete it when that has ended, or cancel the job",
                                 jobs.text(0))};
    return Error{Code::conflict, "a schedule needs the blob; delete or change the schedule first"};
}

std::vector<Expired> find_expired(SystemSession& session, Timestamp now, int most) {
    auto rows = session.query(select_expired, {now, most});
    std::vector<Expired> found;
    while (rows.next()) found.push_back({rows.id<OrganizationId>(0), rows.string(1)});
    return found;
}

void expire(SystemSession& session, const Expired& blob, Timestamp now) {
    if (session.execute(delete_expired, {blob.organization, blob.sha256, now}) == 1)
        want_removal(session, blob.sha256, now);
    else session.execute(leave_to_jobs, {blob.organization, blob.sha256, now});
}

std::vector<std::string> find_removals(SystemSession& session, const std::string& after, int most) {
    auto rows = session.query(select_removals, {after, most});
    std::vector<std::string> found;
    while (rows.next()) found.push_back(rows.string(0));
    return found;
}

void want_removal(SystemSession& session, const std::string& sha256, Timestamp now) {
    session.execute(insert_removal, {sha256, now});
}

bool has_keys(SystemSession& session) { return session.query("SELECT 1 FROM keys LIMIT 1", {}).next(); }

bool has_row(SystemSession& session, const std::string& sha256) { return session.query(find_any, {sha256}).next(); }

std::optional<Removal> find_removal(SystemSession& session, const std::string& sha256) {
    auto rows = session.query(select_removal, {sha256});
    if (!rows.next()) return std::nullopt;
    return Removal{rows.boolean(1), rows.time(0)};
}

void forget_removal(SystemSession& session, const std::string& sha256, Timestamp since) {
    session.execute(delete_removal, {sha256, since});
}

} // namespace millrace::catalog::blob_repository
