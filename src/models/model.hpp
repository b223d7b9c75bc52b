// A registered model and its versions as plain, immutable values.
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/json.hpp"
#include "inference/archive_check.hpp"
#include "inference/prediction.hpp"
#include "models/registry/trial_report.hpp"
#include "models/traffic.hpp"
#include "values/manifest.hpp"
#include "values/manifest_files.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::models {

struct Version {
    int number = 0;
    std::string sha256; // of the model file
    std::uint64_t size = 0;
    Timestamp created_at;
    std::string reason;                                      // why it cannot be used; empty when it can
    std::shared_ptr<const values::Manifest> manifest;        // shared with what runs it
    std::shared_ptr<const inference::ModelVersion> runnable; // shared with work in flight; null when it cannot be used
    inference::ArchiveKind format = inference::ArchiveKind::torchscript;
    std::optional<TrialReport> trial;     // none: there was no runtime when it was pushed
    values::FileRefs files;               // beside the model, that its manifest names
    std::optional<std::string> signature; // base64, over all files as they were pushed
    std::optional<std::string> signer;    // the trusted key that made it; none for one that nobody here could check

    bool ready() const { return runnable != nullptr; }
};

struct Model {
    OrganizationId organization;
    std::string name;
    Traffic traffic; // replaced as a whole, never changed
    Timestamp created_at;
    std::vector<Version> versions; // by number

    const Version* find(int number) const;
};

// Of all files of a version: the model's, then those beside it.
std::vector<std::string> digests_of(const std::string& model_sha256, const values::FileRefs& files);

// The version of `other` whose manifest names this version as its fallback; 0: none.
int falls_back_to(const Model& other, const Model& model, int number);

// a-z 0-9 and inside also _ -: up to 63 characters.
bool is_name(std::string_view text);

// As the API answers them. The labels and manifests of a model's versions are there for those that its traffic names,
// and for the newest ones as long as they have fewer than 4 MiB together; each version by itself has all of its own.
json::object to_json(const Version& version, bool with_manifest);
json::object to_json(const Model& model, bool with_manifests);

} // namespace millrace::models
