#include "jobs/job_blobs.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"

#include <fmt/format.h>

#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace millrace::jobs::job_blobs {
namespace {

using store::SystemSession;
using store::Sql;

constexpr Sql insert_use{"INSERT INTO job_blobs (organization_id, job_id, sha256) VALUES ($1, $2, $3) ON CONFLICT "
                         "(job_id, sha256) DO NOTHING"};
constexpr Sql delete_uses{"DELETE FROM job_blobs WHERE job_id = $1 RETURNING organization_id, sha256"};
constexpr Sql release_blob{"UPDATE blobs SET expires_at = $3 WHERE organization_id = $1 AND sha256 = $2 AND owner = "
                           "'job' AND expires_at IS NULL AND NOT EXISTS "
                           "(SELECT 1 FROM job_blobs AS u WHERE u.organization_id = $1 AND u.sha256 = $2)"};

void find_all(const json::value& value, std::set<std::string, std::less<>>& found) {
    if (const auto* array = value.if_array()) {
        for (const auto& each : *array) find_all(each, found);
    } else if (const auto* object = value.if_object()) {
        for (const auto& [name, member] : *object) {
            if (name == "blob" && member.is_string() && is_sha256_hex(member.get_string()))
                found.emplace(member.get_string());
            else find_all(member, found);
        }
    }
}

} // namespace

bool may_name(std::string_view payload) { return payload.find("\"blob\"") != std::string_view::npos; }

Result<std::vector<std::string>> named(const json::value& payload) {
    std::set<std::string, std::less<>> found;
    find_all(payload, found);
    if (found.size() > most_of_job)
        return Error{Code::unprocessable,
                     fmt::format("the payload names {} blobs, and one job may name {}; make several jobs of it",
                                 found.size(), most_of_job)};
    return std::vector<std::string>{found.begin(), found.end()};
}

void note(store::OrganizationSession& tenant, JobId job, std::string_view payload) {
    if (!may_name(payload)) return;
    const auto document = parse_json(payload);
    if (!document) return;
    std::set<std::string, std::less<>> found; // more than are taken now, where the payload is older than the limit
    find_all(*document, found);
    for (const auto& sha256 : found) add(tenant, job, sha256);
}

void add(store::OrganizationSession& tenant, JobId job, const std::string& sha256) {
    tenant.execute(insert_use, {job, sha256});
}

void forget(SystemSession& session, JobId job, Timestamp now) {
    std::vector<std::pair<OrganizationId, std::string>> released;
    {
        auto rows = session.query(delete_uses, {job});
        while (rows.next()) released.emplace_back(rows.id<OrganizationId>(0), rows.string(1));
    }
    for (const auto& [organization, sha256] : released) session.execute(release_blob, {organization, sha256, now});
}

} // namespace millrace::jobs::job_blobs
