#include "models/model_repository.hpp"

#include "models/traffic_repository.hpp"

#include <fmt/format.h>

namespace millrace::models {
namespace {

std::optional<int> maybe_number(const store::Rows& rows, int column) {
    return rows.is_null(column) ? std::nullopt : std::optional{static_cast<int>(rows.integer(column))};
}

std::optional<int> equal_version(store::TenantSession& session, const StoredVersion& version) {
    auto rows = session.query("SELECT version FROM model_versions WHERE organization_id = $1 AND model = $2 AND sha256 = $3 "
                              "AND manifest = $4 ORDER BY version DESC LIMIT 1",
                              {version.model, version.sha256, version.manifest});
    return rows.next() ? std::optional{static_cast<int>(rows.integer(0))} : std::nullopt;
}

StoredModel find_model(store::TenantSession& session, const StoredVersion& version) {
    auto rows = session.query("SELECT production_version, created_at FROM models WHERE organization_id = $1 AND name = $2", {version.model});
    if (!rows.next()) throw store::DatabaseError{store::Fault::broken, "a model version has no model"};
    return {version.organization, version.model, maybe_number(rows, 0), rows.time(1)};
}

int take_number(store::TenantSession& session, const StoredVersion& version) {
    auto rows = session.query("INSERT INTO models (organization_id, name, next_version, created_at) VALUES ($1, $2, 2, $3) "
                              "ON CONFLICT (organization_id, name) DO UPDATE SET next_version = models.next_version + 1 "
                              "RETURNING next_version - 1",
                              {version.model, version.created_at});
    rows.next();
    return static_cast<int>(rows.integer(0));
}

} // namespace

std::vector<StoredModel> all_models(store::Session& session) {
    auto rows = session.query("SELECT organization_id, name, production_version, created_at FROM models");
    std::vector<StoredModel> models;
    while (rows.next()) models.push_back({rows.id<OrganizationId>(0), rows.string(1), maybe_number(rows, 2), rows.time(3)});
    return models;
}

std::vector<StoredVersion> all_versions(store::Session& session) {
    auto rows = session.query("SELECT organization_id, model, version, sha256, size, manifest, created_at FROM model_versions "
                              "ORDER BY organization_id, model, version");
    std::vector<StoredVersion> versions;
    while (rows.next())
        versions.push_back({rows.id<OrganizationId>(0), rows.string(1), static_cast<int>(rows.integer(2)), rows.string(3),
                            static_cast<std::uint64_t>(rows.integer(4)), rows.string(5), rows.time(6)});
    return versions;
}

Inserted insert_version(store::TenantSession& session, const StoredVersion& version) {
    if (const auto number = equal_version(session, version)) return {*number, false, find_model(session, version)};
    const int number = take_number(session, version);
    session.execute("INSERT INTO model_versions (organization_id, model, version, sha256, size, manifest, state, created_at) "
                    "VALUES ($1, $2, $3, $4, $5, $6, 'ready', $7)",
                    {version.model, number, version.sha256, version.size, version.manifest, version.created_at});
    session.execute("UPDATE models SET production_version = coalesce(production_version, $3) WHERE organization_id = $1 AND name = $2",
                    {version.model, number});
    return {number, true, find_model(session, version)};
}

Result<void> delete_version(store::TenantSession& session, const std::string& model, int number) {
    bool production = false, last = false;
    {
        auto rows = session.query("SELECT m.production_version, (SELECT count(*) FROM model_versions AS o WHERE o.organization_id = $1 AND o.model = $2) "
                                  "FROM model_versions AS v JOIN models AS m ON m.organization_id = v.organization_id AND m.name = v.model "
                                  "WHERE v.organization_id = $1 AND v.model = $2 AND v.version = $3",
                                  {model, number});
        if (!rows.next()) return Error{Code::not_found, fmt::format("there is no version {} of the model \"{}\"", number, model)};
        production = rows.integer(0) == number;
        last = rows.integer(1) == 1;
    }
    if (production && !last)
        return Error{Code::conflict, fmt::format("version {} is the production version of \"{}\"; delete the other versions first", number, model)};
    if (auto free = check_not_in_traffic(session, model, number); !free) return free;
    session.execute("DELETE FROM model_versions WHERE organization_id = $1 AND model = $2 AND version = $3", {model, number});
    forget_version(session, model, number, last);
    if (last) session.execute("UPDATE models SET production_version = NULL WHERE organization_id = $1 AND name = $2", {model});
    return success();
}

} // namespace millrace::models
