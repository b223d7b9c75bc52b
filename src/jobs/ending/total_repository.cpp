#include "jobs/ending/total_repository.hpp"

namespace millrace::jobs::total_repository {
namespace {

using store::SystemSession;
using store::Sql;

constexpr Sql add_total{
    "INSERT INTO job_totals (organization_id, queue, kind, state, jobs, run_us) VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (organization_id, queue, kind, state) DO UPDATE SET jobs = job_totals.jobs + "
    "excluded.jobs, run_us = job_totals.run_us + excluded.run_us"};
constexpr Sql select_totals{"SELECT organization_id, queue, kind, state, jobs, run_us FROM job_totals"};
constexpr Sql select_surplus{
    "SELECT organization_id, queue, kind, state FROM (SELECT organization_id, queue, kind, state, jobs, "
    "row_number() OVER (PARTITION BY organization_id ORDER BY jobs DESC, queue, kind, state) AS place FROM job_totals "
    "WHERE queue <> '') AS placed "
    "WHERE place > $1 LIMIT $2"};
constexpr Sql select_total{
    "SELECT jobs, run_us FROM job_totals WHERE organization_id = $1 AND queue = $2 AND kind = $3 AND state = $4"};
constexpr Sql delete_total{
    "DELETE FROM job_totals WHERE organization_id = $1 AND queue = $2 AND kind = $3 AND state = $4"};

} // namespace

void add(SystemSession& session, const OrganizationId& organization, std::string_view queue, std::string_view kind,
         values::JobState state, std::int64_t jobs, std::int64_t run_us) {
    session.execute(add_total, {organization, queue, kind, values::name(state), jobs, run_us});
}

void each(SystemSession& session, const std::function<void(const Total&)>& visit) {
    auto rows = session.scan(select_totals);
    while (rows.next())
        if (const auto state = values::job_state(rows.text(3)))
            visit(
                {rows.id<OrganizationId>(0), rows.string(1), rows.string(2), *state, rows.integer(4), rows.integer(5)});
}

std::vector<Key> surplus(SystemSession& session, int most, int at_once) {
    std::vector<Key> keys;
    auto rows = session.scan(select_surplus, {most, at_once});
    while (rows.next())
        if (const auto state = values::job_state(rows.text(3)))
            keys.push_back({rows.id<OrganizationId>(0), rows.string(1), rows.string(2), *state});
    return keys;
}

void fold(SystemSession& session, const std::vector<Key>& rows) {
    for (const auto& key : rows) {
        std::int64_t jobs = 0, run_us = 0;
        {
            auto row = session.query(select_total, {key.organization, key.queue, key.kind, values::name(key.state)});
            if (!row.next()) continue;
            jobs = row.integer(0);
            run_us = row.integer(1);
        }
        session.execute(delete_total, {key.organization, key.queue, key.kind, values::name(key.state)});
        add(session, key.organization, "", "", key.state, jobs, run_us);
    }
}

} // namespace millrace::jobs::total_repository
