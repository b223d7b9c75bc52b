#include "models/traffic/contest_repository.hpp"

#include <array>

namespace millrace::models {
namespace {

constexpr std::array<std::string_view, 3> names{"production", "candidate", "before"};

std::string_view name(ContestSide side) { return names[static_cast<std::size_t>(side)]; }

ContestSide side_of(std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) return static_cast<ContestSide>(i);
    throw store::DatabaseError{store::Fault::broken, "a stored contest is of no side"};
}

} // namespace

std::vector<StoredContest> all_contests(store::SystemSession& session, Timestamp not_before) {
    auto rows = session.query("SELECT organization_id, model, revision, side, since, counts FROM model_contests AS c "
                              "WHERE (since >= $1 OR side = 'before') "
                              "AND revision = (SELECT max(revision) FROM model_traffic AS t WHERE t.organization_id = "
                              "c.organization_id AND t.model = c.model) "
                              "ORDER BY since",
                              {not_before});
    std::vector<StoredContest> all;
    while (rows.next())
        all.push_back({rows.id<OrganizationId>(0), rows.string(1), static_cast<int>(rows.integer(2)),
                       side_of(rows.text(3)), rows.time(4), rows.string(5)});
    return all;
}

void save_contest(store::SystemSession& session, const StoredContest& row) {
    session.execute(
        "INSERT INTO model_contests (organization_id, model, revision, side, since, counts) "
        "SELECT $1, $2, $3, $4, $5, $6 WHERE $3 = (SELECT max(revision) FROM model_traffic WHERE organization_id = $1 "
        "AND model = $2) "
        "ON CONFLICT (organization_id, model, revision, side, since) DO UPDATE SET counts = excluded.counts",
        {row.organization, row.model, row.revision, name(row.side), row.since, row.counts});
}

void forget_spans(store::SystemSession& session, const StoredContest& row, Timestamp older_than) {
    session.execute("DELETE FROM model_contests WHERE organization_id = $1 AND model = $2 AND revision = $3 AND side = "
                    "$4 AND since < $5",
                    {row.organization, row.model, row.revision, name(row.side), older_than});
}

void forget_contest(store::OrganizationSession& session, const std::string& model) {
    session.execute("DELETE FROM model_contests WHERE organization_id = $1 AND model = $2", {model});
}

} // namespace millrace::models
