#include "models/model_repository.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "base/json_text.hpp"
#include "models/traffic_repository.hpp"

#include <fmt/format.h>

namespace millrace::models {
namespace {

std::optional<int> maybe_number(const store::Rows& rows, int column) {
    return rows.is_null(column) ? std::nullopt : std::optional{static_cast<int>(rows.integer(column))};
}

inference::ArchiveKind format_of(std::string_view text) {
    for (const auto kind : {inference::ArchiveKind::aotinductor, inference::ArchiveKind::chain})
        if (text == name(kind)) return kind;
    return inference::ArchiveKind::torchscript;
}

std::optional<std::string> stored(const std::optional<TrialReport>& trial) {
    return trial ? std::optional{json_text(trial->to_json())} : std::nullopt;
}

// Written by this program; one that cannot be read is as good as none.
std::optional<TrialReport> trial_of(const std::optional<std::string>& text) {
    if (!text) return std::nullopt;
    auto report = TrialReport::parse(*text);
    return report ? std::optional{std::move(*report)} : std::nullopt;
}

// As above: of this program's own.
values::FileRefs files_of(const std::string& text) {
    auto files = values::read_file_refs(text);
    return files ? std::move(*files) : values::FileRefs{};
}

// organization_id, model, version, sha256, size, manifest, manifest_file, created_at, format, trial, signature, signer,
// files
StoredVersion read_version(const store::Rows& rows) {
    StoredVersion version;
    version.organization = rows.id<OrganizationId>(0);
    version.model = rows.string(1);
    version.number = static_cast<int>(rows.integer(2));
    version.sha256 = rows.string(3);
    version.size = static_cast<std::uint64_t>(rows.integer(4));
    version.manifest = rows.string(5);
    version.manifest_file = rows.string(6);
    version.created_at = rows.time(7);
    version.format = format_of(rows.text(8));
    version.trial = trial_of(rows.maybe_string(9));
    version.signature = rows.maybe_string(10);
    version.signer = rows.maybe_string(11);
    version.files = files_of(rows.string(12));
    return version;
}

std::optional<StoredVersion> equal_version(store::OrganizationSession& session, const StoredVersion& version) {
    auto rows =
        session.query("SELECT organization_id, model, version, sha256, size, manifest, coalesce(manifest_file, "
                      "manifest), created_at, format, "
                      "trial, signature, signer, files FROM model_versions WHERE organization_id = $1 AND model = $2 "
                      "AND sha256 = $3 AND manifest = $4 "
                      "AND files = $5 ORDER BY version DESC LIMIT 1",
                      {version.model, version.sha256, version.manifest, json_text(values::to_json(version.files))});
    return rows.next() ? std::optional{read_version(rows)} : std::nullopt;
}

void update_version(store::OrganizationSession& session, const StoredVersion& version) {
    const auto trial = stored(version.trial);
    session.execute("UPDATE model_versions SET trial = $4, manifest_file = $5, signature = $6, signer = $7 "
                    "WHERE organization_id = $1 AND model = $2 AND version = $3",
                    {version.model, version.number, trial, version.manifest_file, version.signature, version.signer});
}

StoredVersion pushed_again(store::OrganizationSession& session, StoredVersion old, const StoredVersion& version) {
    if (version.trial) old.trial = version.trial;
    if (version.signature && (version.signer || !old.signer)) {
        old.manifest_file = version.manifest_file;
        old.signature = version.signature;
        old.signer = version.signer;
    }
    update_version(session, old);
    return old;
}

StoredModel find_model(store::OrganizationSession& session, const StoredVersion& version) {
    auto rows =
        session.query("SELECT production_version, created_at FROM models WHERE organization_id = $1 AND name = $2",
                      {version.model});
    if (!rows.next()) throw store::DatabaseError{store::Fault::broken, "a model version has no model"};
    return {version.organization, version.model, maybe_number(rows, 0), rows.time(1)};
}

int take_number(store::OrganizationSession& session, const StoredVersion& version) {
    auto rows =
        session.query("INSERT INTO models (organization_id, name, next_version, created_at) VALUES ($1, $2, 2, $3) "
                      "ON CONFLICT (organization_id, name) DO UPDATE SET next_version = models.next_version + 1 "
                      "RETURNING next_version - 1",
                      {version.model, version.created_at});
    rows.next();
    return static_cast<int>(rows.integer(0));
}

// Written by this program, as above.
std::vector<values::Step> steps_of(std::string_view manifest) {
    auto read = values::Manifest::parse(manifest);
    return read ? std::move(read->steps) : std::vector<values::Step>{};
}

// LIKE leaves few rows to parse, and finds all that name the model: the writer waits for this, however many chains
// there are.
Result<void> check_not_in_chain(store::OrganizationSession& session, const std::string& model, int number) {
    auto rows = session.query("SELECT model, version, manifest FROM model_versions WHERE organization_id = $1 AND "
                              "format = 'chain' AND manifest LIKE '%\"' || $2 || '\"%' ORDER BY model, version",
                              {model});
    while (rows.next())
        for (const auto& step : steps_of(rows.text(2)))
            if (step.model == model && step.version == number)
                return Error{Code::conflict,
                             fmt::format("version {} of \"{}\" is a step of the chain {}/{}; delete that first", number,
                                         model, rows.text(0), rows.integer(1))};
    return success();
}

} // namespace

std::string signed_sha256(const StoredVersion& version) {
    return version.format == inference::ArchiveKind::chain ? hex(sha256("")) : version.sha256;
}

std::vector<StoredModel> all_models(store::SystemSession& session) {
    auto rows = session.query("SELECT organization_id, name, production_version, created_at FROM models");
    std::vector<StoredModel> models;
    while (rows.next())
        models.push_back({rows.id<OrganizationId>(0), rows.string(1), maybe_number(rows, 2), rows.time(3)});
    return models;
}

std::vector<StoredVersion> all_versions(store::SystemSession& session) {
    auto rows =
        session.query("SELECT organization_id, model, version, sha256, size, manifest, coalesce(manifest_file, "
                      "manifest), created_at, format, "
                      "trial, signature, signer, files FROM model_versions ORDER BY organization_id, model, version");
    std::vector<StoredVersion> versions;
    while (rows.next()) versions.push_back(read_version(rows));
    return versions;
}

Inserted insert_version(store::OrganizationSession& session, const StoredVersion& version) {
    if (auto old = equal_version(session, version))
        return {pushed_again(session, std::move(*old), version), false, find_model(session, version)};
    StoredVersion added = version;
    added.number = take_number(session, version);
    const auto trial = stored(added.trial);
    session.execute(
        "INSERT INTO model_versions (organization_id, model, version, sha256, size, manifest, manifest_file, state, "
        "created_at, format, trial, "
        "signature, signer, files) VALUES ($1, $2, $3, $4, $5, $6, $7, 'ready', $8, $9, $10, $11, $12, $13)",
        {added.model, added.number, added.sha256, added.size, added.manifest, added.manifest_file, added.created_at,
         name(added.format), trial, added.signature, added.signer, json_text(values::to_json(added.files))});
    session.execute("UPDATE models SET production_version = coalesce(production_version, $3) WHERE organization_id = "
                    "$1 AND name = $2",
                    {added.model, added.number});
    return {std::move(added), true, find_model(session, version)};
}

Result<void> check_steps(store::OrganizationSession& session, const std::vector<values::Step>& steps) {
    for (const auto& step : steps) {
        auto rows =
            session.query("SELECT 1 FROM model_versions WHERE organization_id = $1 AND model = $2 AND version = $3",
                          {step.model, step.version});
        if (!rows.next())
            return Error{Code::conflict, fmt::format("{} was deleted while the chain was pushed", values::title(step))};
    }
    return success();
}

std::optional<std::string> find_manifest_file(store::OrganizationSession& session, const std::string& model,
                                              int number) {
    auto rows = session.query("SELECT coalesce(manifest_file, manifest) FROM model_versions WHERE organization_id = $1 "
                              "AND model = $2 AND version = $3",
                              {model, number});
    return rows.next() ? std::optional{rows.string(0)} : std::nullopt;
}

Result<void> delete_version(store::OrganizationSession& session, const std::string& model, int number) {
    bool production = false, last = false;
    {
        auto rows = session.query(
            "SELECT m.production_version, (SELECT count(*) FROM model_versions AS o WHERE o.organization_id = $1 AND "
            "o.model = $2) "
            "FROM model_versions AS v JOIN models AS m ON m.organization_id = v.organization_id AND m.name = v.model "
            "WHERE v.organization_id = $1 AND v.model = $2 AND v.version = $3",
            {model, number});
        if (!rows.next())
            return Error{Code::not_found, fmt::format("there is no version {} of the model \"{}\"", number, model)};
        production = rows.integer(0) == number;
        last = rows.integer(1) == 1;
    }
    if (production && !last)
        return Error{Code::conflict, fmt::format("version {} is the production version of \"{}\"; put another one in "
                                                 "production first (`millrace model traffic {}`)",
                                                 number, model, model)};
    if (auto free = check_not_in_traffic(session, model, number); !free) return free;
    if (auto free = check_not_in_chain(session, model, number); !free) return free;
    session.execute("DELETE FROM model_versions WHERE organization_id = $1 AND model = $2 AND version = $3",
                    {model, number});
    forget_version(session, model, number, last);
    if (last)
        session.execute("UPDATE models SET production_version = NULL WHERE organization_id = $1 AND name = $2",
                        {model});
    return success();
}

std::vector<FileUser> users_of_file(store::SystemSession& session, const std::string& sha256) {
    auto rows = session.query(
        "SELECT organization_id, model, version FROM model_versions WHERE sha256 = $1 OR instr(files, $1) > 0",
        {sha256});
    std::vector<FileUser> users;
    while (rows.next())
        users.push_back({rows.id<OrganizationId>(0), rows.string(1), static_cast<int>(rows.integer(2))});
    return users;
}

} // namespace millrace::models
