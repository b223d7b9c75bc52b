#include "models/traffic_repository.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "models/traffic/contest_repository.hpp"
#include "store/turn.hpp"

#include <fmt/format.h>

namespace millrace::models {
namespace {

using store::OrganizationSession;

Traffic read_traffic(std::string_view text) {
    const auto value = parse_json(text);
    auto traffic = value ? Traffic::from_json(*value) : Result<Traffic>{value.error()};
    // Written by write_traffic() from a sound one, so only a store that was tampered with comes here.
    if (!traffic)
        throw store::DatabaseError{store::Fault::broken, "a stored traffic cannot be read: " + traffic.error().detail};
    return std::move(*traffic);
}

// Columns: model, revision, traffic, stands_for, reason, set_by, set_at, organization_id.
StoredTraffic read_row(const store::Rows& rows) {
    return {rows.id<OrganizationId>(7),
            rows.string(0),
            static_cast<int>(rows.integer(1)),
            read_traffic(rows.text(2)),
            static_cast<int>(rows.integer(3)),
            rows.string(4),
            rows.string(5),
            rows.time(6)};
}

bool has_version(OrganizationSession& session, const std::string& model, int version) {
    return session
        .query("SELECT 1 FROM model_versions WHERE organization_id = $1 AND model = $2 AND version = $3",
               {model, version})
        .next();
}

struct ModelRow {
    std::optional<int> production;
    Timestamp created_at;
};
std::optional<ModelRow> find_model(OrganizationSession& session, const std::string& model) {
    auto rows =
        session.query("SELECT production_version, created_at FROM models WHERE organization_id = $1 AND name = $2",
                      {model});
    if (!rows.next()) return std::nullopt;
    return ModelRow{rows.is_null(0) ? std::nullopt : std::optional{static_cast<int>(rows.integer(0))}, rows.time(1)};
}

Result<void> check_fallback(OrganizationSession& session, const values::ModelName& fallback) {
    const auto version = fallback.version ? version_number(*fallback.version) : std::nullopt;
    const auto model = find_model(session, fallback.model);
    const bool there =
        fallback.version ? version && has_version(session, fallback.model, *version) : model && model->production;
    if (there) return success();
    return Error{Code::unprocessable, fmt::format("the fallback {}{} is not there; push it first", fallback.model,
                                                  fallback.version ? "/" + *fallback.version : "")};
}

void insert_traffic(OrganizationSession& session, const std::string& model, int revision, const TrafficChange& change) {
    session.execute(
        "INSERT INTO model_traffic (organization_id, model, revision, traffic, stands_for, reason, set_by, set_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        {model, revision, json_text(change.traffic.to_json()), change.stands_for.value_or(revision), change.reason,
         change.set_by, change.at});
}

int present_revision(OrganizationSession& session, const std::string& model) {
    auto rows =
        session.query("SELECT coalesce(max(revision), 0) FROM model_traffic WHERE organization_id = $1 AND model = $2",
                      {model});
    return rows.next() ? static_cast<int>(rows.integer(0)) : 0;
}

} // namespace

std::vector<StoredTraffic> present_traffic(store::SystemSession& session) {
    auto rows = session.query(
        "SELECT model, revision, traffic, stands_for, reason, set_by, set_at, organization_id FROM model_traffic AS t "
        "WHERE revision = (SELECT max(revision) FROM model_traffic AS o WHERE o.organization_id = t.organization_id "
        "AND o.model = t.model)");
    std::vector<StoredTraffic> all;
    while (rows.next()) all.push_back(read_row(rows));
    return all;
}

std::vector<StoredTraffic> traffic_history(OrganizationSession& session, const std::string& model) {
    auto rows = session.query(
        "SELECT model, revision, traffic, stands_for, reason, set_by, set_at, organization_id FROM model_traffic "
        "WHERE organization_id = $1 AND model = $2 ORDER BY revision DESC",
        {model});
    std::vector<StoredTraffic> all;
    while (rows.next()) all.push_back(read_row(rows));
    return all;
}

Result<int> write_traffic(OrganizationSession& session, const std::string& model, const TrafficChange& change) {
    const auto row = find_model(session, model);
    if (!row || !row->production) return Error{Code::not_found, fmt::format("there is no model \"{}\"", model)};
    for (const int version : change.traffic.versions())
        if (!has_version(session, model, version))
            return Error{Code::unprocessable,
                         fmt::format("there is no version {} of the model \"{}\"; push it first", version, model)};
    if (change.traffic.fallback)
        if (auto there = check_fallback(session, *change.traffic.fallback); !there) return there.error();
    int revision = present_revision(session, model);
    if (change.after && *change.after != revision)
        return Error{Code::conflict,
                     fmt::format("the traffic of \"{}\" was changed in the meantime; look at it and try again", model)};

    if (revision == 0) { // what answered until now, so that it can be returned to
        Traffic first;
        first.production = row->production;
        insert_traffic(session, model, ++revision, {first, {}, {}, "the first version", "", row->created_at});
    }
    insert_traffic(session, model, ++revision, change);
    forget_contest(session, model);
    session.execute("UPDATE models SET production_version = $3 WHERE organization_id = $1 AND name = $2",
                    {model, change.traffic.production});
    session.execute("DELETE FROM model_traffic WHERE organization_id = $1 AND model = $2 AND revision <= $3",
                    {model, revision - kept_revisions});
    return revision;
}

Result<void> check_not_in_traffic(OrganizationSession& session, const std::string& model, int version) {
    const auto production = find_model(session, model);
    const bool is_production = production && production->production == version;
    auto rows = session.query(
        "SELECT model, traffic FROM model_traffic AS t WHERE organization_id = $1 AND "
        "revision = (SELECT max(revision) FROM model_traffic AS o WHERE o.organization_id = $1 AND o.model = t.model)");
    while (rows.next()) {
        const auto traffic = read_traffic(rows.text(1));
        const auto& fallback = traffic.fallback;
        if (rows.text(0) == model && !is_production && traffic.names(version))
            return Error{Code::conflict,
                         fmt::format("version {} is in the traffic of \"{}\"; take it out first", version, model)};
        const bool falls_back = fallback && fallback->model == model &&
                                (fallback->version ? *fallback->version == std::to_string(version) : is_production);
        if (falls_back)
            return Error{
                Code::conflict,
                fmt::format("version {} of \"{}\" is the fallback of \"{}\"; take it out of that traffic first",
                            version, model, rows.text(0))};
    }
    return success();
}

std::int64_t forget_feedback(OrganizationSession& session, const std::string& model, int version) {
    return session.execute(
        "DELETE FROM feedback WHERE organization_id = $1 AND job_id IN "
        "(SELECT job_id FROM feedback WHERE organization_id = $1 AND model = $2 AND version = $3 LIMIT $4)",
        {model, version, store::Turn::most});
}

void forget_version(OrganizationSession& session, const std::string& model, int version, bool last) {
    session.execute("DELETE FROM model_statistics WHERE organization_id = $1 AND model = $2 AND version = $3",
                    {model, version});
    if (last) session.execute("DELETE FROM model_traffic WHERE organization_id = $1 AND model = $2", {model});
}

} // namespace millrace::models
