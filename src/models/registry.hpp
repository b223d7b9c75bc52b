// The models of each organisation: pushed, checked, numbered, kept. What is registered is also held in memory, so
// that resolving a name for a prediction reads no database. Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "async/guarded.hpp"
#include "async/thread_pool.hpp"
#include "base/clock.hpp"
#include "blobs/blob_store.hpp"
#include "events/feed.hpp"
#include "models/model.hpp"
#include "models/registry/trial.hpp"
#include "models/trusted_keys.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "values/principal.hpp"

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

namespace millrace::models {

struct StoredModel;
struct StoredVersion;

inline constexpr std::uint64_t max_model_bytes = std::uint64_t{8} << 30;

// What may come with a model file and its manifest.
struct Attached {
    std::optional<std::string> signature; // 64 bytes or their base64
    std::optional<std::string> sha256;    // of the model file, as its sender has it
    struct File {
        std::string name;
        blobs::BlobUpload upload;
    };
    std::vector<File> files{}; // beside the model: those that the manifest names, and no others
};

struct Pushed {
    Version version;
    bool created = false; // false: the same file with the same manifest was here already
};

class Registry {
public:
    // Borrows all of them for its lifetime. `feed` is that of `database`; `files` is a blob store of its own, in
    // <data>/models; `pool` is where its files are read.
    Registry(store::Database& database, events::Feed& feed, blobs::BlobStore& files, Trial& trial,
             async::ThreadPool& pool, const Clock& clock, telemetry::Log& log, TrustedKeys trusted = {});

    void leave_strays() {
        strays_stay_ = true;
    } // before load_blocking(): rows were lost, and their files may be all that is left
    // Fills the memory from the store, before the first request. A version whose file is gone, or whose signature does
    // not hold any more where signatures are required, is shown as failed.
    Result<void> load_blocking();

    // Takes the bytes of a model file as they arrive; push() makes a version of it, or drops it.
    blobs::BlobUpload begin_upload() { return files_.begin_upload(max_model_bytes); }
    // The same of a file beside it.
    blobs::BlobUpload begin_file_upload() { return files_.begin_upload(values::max_file_bytes); }
    // unprocessable: a name or manifest that cannot be, a file that it names and that is not there (or is there and not
    // named), a file that is no model, a signature or digest that is not theirs, or the two disagree. The signature is
    // checked before anything looks into the file. Only a chain has no file, and it has none.
    awaitable<Result<Pushed>> push(values::Principal who, std::string name, std::optional<blobs::BlobUpload> file,
                                   std::string manifest, Attached attached = {});

    // Models that have versions, by name.
    std::vector<std::shared_ptr<const Model>> list(OrganizationId organization) const;
    Result<std::shared_ptr<const Model>> find(OrganizationId organization, std::string_view name) const; // not_found

    // What runs a prediction: the production version unless another is named. not_found, or unavailable for a
    // version that cannot be used. No waiting.
    Result<std::shared_ptr<const inference::ModelVersion>> resolve(
        OrganizationId organization, std::string_view name,
        std::optional<std::string_view> version = std::nullopt) const;

    // The version that a step of a chain names; production's where it names none. As resolve(), with the step in the
    // error.
    Result<std::shared_ptr<const inference::ModelVersion>> resolve_step(OrganizationId organization,
                                                                        const values::Step& step) const;
    // What the engine runs for a version: itself, or the steps of a chain. As resolve_step().
    Result<std::vector<std::shared_ptr<const inference::ModelVersion>>> parts(
        const std::shared_ptr<const inference::ModelVersion>& version) const;

    // The files of a version as they were pushed. not_found for the manifest of a version that is not there.
    awaitable<Result<blobs::OpenBlob>> open_file(std::string sha256, std::uint64_t size);
    blobs::BlobStore& files() { return files_; } // for whoever reads one whole: what it found is reported there
    awaitable<Result<std::string>> manifest_file(OrganizationId organization, std::string name, int number);

    // Who answers from now on: one swap, after the commit that says so. Nothing happens when there is no such model.
    void set_traffic(OrganizationId organization, const std::string& name, Traffic traffic);

    // not_found; conflict while it is in use: for the production version while there are others, while a chain names
    // it, and while it is being loaded. Each file goes with the last version that has it.
    awaitable<Result<void>> remove(values::Principal who, std::string name, std::string version);

private:
    awaitable<void> forget_feedback_of(OrganizationId organization, std::string name, int number);
    using Name = std::pair<OrganizationId, std::string>;
    class InUse; // keeps a file from being removed while a push is looking at it

    Version make_version(const StoredVersion& row, std::shared_ptr<const values::Manifest> manifest) const;
    std::string obstacle(const StoredVersion& row) const;
    awaitable<Result<void>> examine(StoredVersion& row, std::shared_ptr<const values::Manifest> manifest);
    awaitable<Result<std::shared_ptr<const values::Manifest>>> read_manifest(StoredVersion& row,
                                                                             std::vector<Attached::File> files);
    awaitable<Result<void>> take_files(StoredVersion& row, std::vector<Attached::File> files,
                                       std::vector<std::string> named);
    awaitable<Result<json::value>> with_labels(json::value manifest, values::FileRefs files);
    Result<void> take_steps(StoredVersion& row, values::Manifest& manifest) const;
    Result<void> join_stored(OrganizationId organization, values::Manifest& manifest) const;
    awaitable<Result<void>> warm_steps(OrganizationId organization, std::shared_ptr<const values::Manifest> chain);
    awaitable<Result<Pushed>> take(StoredVersion& row, std::optional<blobs::BlobUpload> file, Attached attached);
    awaitable<Result<Pushed>> keep(StoredVersion row, std::shared_ptr<const values::Manifest> manifest);
    // After the commits, as the change feed tells.
    void remember(const StoredModel& model, Version version);
    void forget(const Name& name, int number);
    bool used(const std::string& sha256) const;
    void drop_strays();
    bool strays_stay_ = false;
    awaitable<void> drop_unused(std::vector<std::string> digests);

    store::Database& database_;
    blobs::BlobStore& files_;
    Trial& trial_;
    async::ThreadPool& pool_;
    const Clock& clock_;
    telemetry::Log& log_;
    const TrustedKeys trusted_;
    mutable std::shared_mutex mutex_;
    std::map<Name, std::shared_ptr<const Model>> models_; // values are replaced, never changed: readers keep theirs
    async::Guarded<std::map<std::string, int>> pushing_;  // digests that a push is looking at
};

} // namespace millrace::models
