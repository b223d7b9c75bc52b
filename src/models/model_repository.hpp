// The SQL of models and versions. Called only inside store tasks; failures of the database leave as DatabaseError.
#pragma once
#include "models/model.hpp"
#include "store/sql.hpp"

#include <memory>
#include <string>
#include <vector>

namespace millrace::models {

struct StoredVersion {
    OrganizationId organization;
    std::string model;
    int number = 0;
    std::string sha256;
    std::uint64_t size = 0;
    std::string manifest;      // JSON text in its normal form
    std::string manifest_file; // as it was pushed, byte for byte
    Timestamp created_at;
    inference::ArchiveKind format = inference::ArchiveKind::torchscript;
    std::optional<TrialReport> trial;
    std::optional<std::string> signature, signer; // as in Version
    values::FileRefs files;
};

// What a signature says of the model file: a chain has none, and is signed as one with an empty file.
std::string signed_sha256(const StoredVersion& version);

struct StoredModel {
    OrganizationId organization;
    std::string name;
    std::optional<int> production;
    Timestamp created_at;
};

// As the change feed tells it: a version was pushed, or pushed again; a version was deleted.
struct VersionPushed {
    StoredModel model;
    StoredVersion version;
    std::shared_ptr<const values::Manifest> manifest;
};
struct VersionDeleted {
    OrganizationId organization;
    std::string model;
    int number = 0;
};

// Over all organisations: read once, at start.
std::vector<StoredModel> all_models(store::SystemSession& session);
std::vector<StoredVersion> all_versions(store::SystemSession& session);

// Gives the version its number: the next one, or that of an equal version (the same model, manifest and files;
// `created` false), which then takes over a trial's report, and a signature with the manifest as it was signed, unless
// it has a signer and this one has none. The first version of a model becomes its production version.
struct Inserted {
    StoredVersion version;
    bool created = false;
    StoredModel model;
};
Inserted insert_version(store::OrganizationSession& session, const StoredVersion& version);

// The steps of a chain are there: conflict, with the step, for one that was deleted in the meantime.
Result<void> check_steps(store::OrganizationSession& session, const std::vector<values::Step>& steps);

// Who has a file as a model or beside one. Over all versions: for what happens seldom.
struct FileUser {
    OrganizationId organization;
    std::string model;
    int version = 0;
};
std::vector<FileUser> users_of_file(store::SystemSession& session, const std::string& sha256);

// As it was pushed; the normal form for versions from before that was kept.
std::optional<std::string> find_manifest_file(store::OrganizationSession& session, const std::string& model,
                                              int number);

// not_found when there is no such version; conflict while it is the production version and not the last one, and while
// a chain names it.
Result<void> delete_version(store::OrganizationSession& session, const std::string& model, int number);

} // namespace millrace::models
