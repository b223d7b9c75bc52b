#include "models/statistics/statistics_repository.hpp"

#include "store/turn.hpp"

namespace millrace::models {

std::vector<StoredCounts> all_counts(store::SystemSession& session, Timestamp not_before) {
    auto rows = session.query(
        "SELECT organization_id, model, version, since, counts FROM model_statistics WHERE since >= $1 ORDER BY since",
        {not_before});
    std::vector<StoredCounts> all;
    while (rows.next())
        all.push_back({rows.id<OrganizationId>(0), rows.string(1), static_cast<int>(rows.integer(2)), rows.time(3),
                       rows.string(4)});
    return all;
}

void save_counts(store::SystemSession& session, const StoredCounts& row) {
    session.execute(
        "INSERT INTO model_statistics (organization_id, model, version, since, counts) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (organization_id, model, version, since) DO UPDATE SET counts = excluded.counts",
        {row.organization, row.model, row.version, row.since, row.counts});
}

void forget_counts(store::SystemSession& session, Timestamp older_than) {
    session.execute("DELETE FROM model_statistics WHERE (organization_id, model, version, since) IN (SELECT "
                    "organization_id, model, version, since "
                    "FROM model_statistics WHERE since < $1 ORDER BY since LIMIT $2)",
                    {older_than, store::Turn::most});
}

} // namespace millrace::models
