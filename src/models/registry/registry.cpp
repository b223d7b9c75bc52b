#include "models/registry.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "models/model_repository.hpp"
#include "models/traffic_repository.hpp"
#include "store/turn.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::models {
namespace {

using store::SystemSession;
using store::OrganizationSession;

Error no_model(std::string_view name) { return {Code::not_found, fmt::format("there is no model \"{}\"", name)}; }

struct Stored {
    std::vector<StoredModel> models;
    std::vector<StoredVersion> versions;
};

} // namespace

Registry::Registry(store::Database& database, events::Feed& feed, blobs::BlobStore& files, Trial& trial,
                   async::ThreadPool& pool, const Clock& clock, telemetry::Log& log, TrustedKeys trusted)
    : database_{database},
      files_{files},
      trial_{trial},
      pool_{pool},
      clock_{clock},
      log_{log},
      trusted_{std::move(trusted)} {
    feed.subscribe<VersionPushed>([this](const std::shared_ptr<const VersionPushed>& pushed) {
        remember(pushed->model, make_version(pushed->version, pushed->manifest));
    });
    feed.subscribe<VersionDeleted>([this](const std::shared_ptr<const VersionDeleted>& deleted) {
        forget({deleted->organization, deleted->model}, deleted->number);
    });
}

Version Registry::make_version(const StoredVersion& row, std::shared_ptr<const values::Manifest> manifest) const {
    // Versions without files keep the digests that they always had.
    const auto digest =
        sha256(row.files.empty() ? row.manifest : row.manifest + json::serialize(values::to_json(row.files)));
    inference::ModelVersion runs{
        row.organization, row.model,  std::to_string(row.number), row.sha256, files_.path_of(row.sha256),
        manifest,         hex(digest)};
    for (const auto& file : row.files) runs.files.push_back({file, files_.path_of(file.sha256)});
    auto runnable = std::make_shared<const inference::ModelVersion>(std::move(runs));
    Version version;
    version.number = row.number;
    version.sha256 = row.sha256;
    version.size = row.size;
    version.created_at = row.created_at;
    version.manifest = std::move(manifest);
    version.runnable = std::move(runnable);
    version.format = row.format;
    version.trial = row.trial;
    version.signature = row.signature;
    version.signer = row.signer;
    version.files = row.files;
    return version;
}

// Why a version of the store cannot be used now; empty when it can.
std::string Registry::obstacle(const StoredVersion& row) const {
    if (row.format != inference::ArchiveKind::chain) {
        const auto file = files_.open_blob(row.sha256, row.size);
        if (!file) return file.error().detail;
        if (!*file) return "its file is missing";
    }
    for (const auto& each : row.files) {
        const auto opened = files_.open_blob(each.sha256, each.size);
        if (!opened) return opened.error().detail;
        if (!*opened) return fmt::format("its file \"{}\" is missing", each.name);
    }
    // Keys may have been withdrawn, or signatures asked for, since it was pushed.
    if (trusted_.required() &&
        !trusted_.signer(row.signature, signed_sha256(row), hex(sha256(row.manifest_file)), row.files))
        return "it is not signed by a key that is trusted here (models.require_signature)";
    return {};
}

Result<void> Registry::load_blocking() {
    auto stored = database_.read_blocking([](SystemSession& session) -> Result<Stored> {
        return Stored{all_models(session), all_versions(session)};
    });
    if (!stored) return stored.error();
    std::map<Name, StoredModel> models;
    for (auto& model : stored->models) models.emplace(Name{model.organization, model.name}, model);
    // Chains last, for they are made of the others.
    std::stable_partition(stored->versions.begin(), stored->versions.end(),
                          [](const auto& row) { return row.format != inference::ArchiveKind::chain; });
    for (const auto& row : stored->versions) {
        auto manifest = values::Manifest::parse(row.manifest);
        // Written by push() in a form that it had read itself, so only a store that was tampered with comes here.
        if (!manifest)
            return Error{Code::internal, fmt::format("the manifest of {}/{} cannot be read: {}", row.model, row.number,
                                                     manifest.error().detail)};
        if (manifest->task == values::Task::chain)
            if (auto joined = join_stored(row.organization, *manifest); !joined)
                return Error{Code::internal, fmt::format("the chain {}/{} cannot be read: {}", row.model, row.number,
                                                         joined.error().detail)};
        Version version = make_version(row, std::make_shared<const values::Manifest>(std::move(*manifest)));
        if (version.reason = obstacle(row); !version.reason.empty()) {
            version.runnable = nullptr;
            log_.error("model version cannot be used",
                       {{"model", row.model}, {"version", row.number}, {"reason", version.reason}});
        }
        remember(models.at({row.organization, row.model}), std::move(version));
    }
    if (!stored->versions.empty() && !strays_stay_) drop_strays();
    return success();
}

// Of pushes that were killed before their version was in the store.
void Registry::drop_strays() {
    std::size_t dropped = 0;
    for (unsigned folder = 0; folder < 256; ++folder)
        for (const auto& sha256 :
             files_.stored_before(static_cast<std::uint8_t>(folder), std::filesystem::file_time_type::clock::now()))
            if (!used(sha256) && files_.remove(sha256)) ++dropped;
    if (dropped > 0) log_.info("model files that no version has were removed", {{"files", dropped}});
}

std::vector<std::shared_ptr<const Model>> Registry::list(OrganizationId organization) const {
    std::vector<std::shared_ptr<const Model>> models;
    std::shared_lock lock{mutex_};
    for (auto at = models_.lower_bound({organization, ""}); at != models_.end() && at->first.first == organization;
         ++at)
        models.push_back(at->second);
    return models;
}

Result<std::shared_ptr<const Model>> Registry::find(OrganizationId organization, std::string_view name) const {
    std::shared_lock lock{mutex_};
    const auto at = models_.find({organization, std::string{name}});
    if (at == models_.end()) return no_model(name);
    return at->second;
}

Result<std::shared_ptr<const inference::ModelVersion>> Registry::resolve(OrganizationId organization,
                                                                         std::string_view name,
                                                                         std::optional<std::string_view> wanted) const {
    const auto model = find(organization, name);
    if (!model) return model.error();
    const auto number = wanted ? version_number(*wanted) : (*model)->traffic.production;
    const Version* version = number ? (*model)->find(*number) : nullptr;
    if (!version)
        return Error{Code::not_found, fmt::format("there is no version \"{}\" of the model \"{}\"",
                                                  wanted.value_or("production"), name)};
    if (!version->ready())
        return Error{Code::unavailable,
                     fmt::format("version {} of the model \"{}\" cannot be used: {}", *number, name, version->reason)};
    return version->runnable;
}

awaitable<Result<blobs::OpenBlob>> Registry::open_file(std::string sha256, std::uint64_t size) {
    Result<std::optional<blobs::OpenBlob>> opened = std::optional<blobs::OpenBlob>{};
    if (files_.is_damaged(sha256)) opened = co_await files_.open_verified_async(sha256, size);
    else opened = co_await files_.open_async(sha256, size);
    if (!opened) co_return opened.error();
    if (!*opened) co_return Error{Code::internal, "the model file is missing; push the version again"};
    co_return std::move(**opened);
}

awaitable<Result<std::string>> Registry::manifest_file(OrganizationId organization, std::string name, int number) {
    auto read = [name, number](OrganizationSession& tenant) -> Result<std::string> {
        auto text = find_manifest_file(tenant, name, number);
        if (text) return std::move(*text);
        return Error{Code::not_found, fmt::format("there is no version {} of the model \"{}\"", number, name)};
    };
    co_return co_await database_.read(organization, std::move(read));
}

awaitable<Result<void>> Registry::remove(values::Principal who, std::string name, std::string version) {
    const auto model = find(who.organization, name);
    if (!model) co_return model.error();
    const auto number = version_number(version);
    const Version* known = number ? (*model)->find(*number) : nullptr;
    if (!known)
        co_return Error{Code::not_found, fmt::format("there is no version \"{}\" of the model \"{}\"", version, name)};
    if (trial_.loading(known->sha256))
        co_return Error{
            Code::conflict,
            fmt::format(
                "version {} of \"{}\" is being loaded; delete it when that has ended (`millrace model show {}` tells)",
                version, name, name)};
    for (const auto& other : list(who.organization))
        if (const int falling = falls_back_to(*other, **model, *number))
            co_return Error{Code::conflict,
                            fmt::format("version {} of \"{}\" is the fallback of {}/{}; delete that first", version,
                                        name, other->name, falling)};
    auto write = [organization = who.organization, name,
                  number = *number](OrganizationSession& tenant) -> Result<void> {
        auto deleted = delete_version(tenant, name, number);
        if (deleted) tenant.publish(VersionDeleted{organization, name, number});
        return deleted;
    };
    auto written = co_await database_.write(who.organization, std::move(write));
    if (!written) co_return written.error();
    co_await forget_feedback_of(who.organization, name, *number);
    if (known->runnable && known->format != inference::ArchiveKind::chain) trial_.forget(known->runnable);
    log_.info("model version deleted", {{"model", name}, {"version", *number}, {"by", who.name}});
    co_await drop_unused(digests_of(known->sha256, known->files));
    co_return success();
}

// In turns of the writer. What a failure leaves belongs to a number that is never given again.
awaitable<void> Registry::forget_feedback_of(OrganizationId organization, std::string name, int number) {
    for (;;) {
        auto write = [name, number](OrganizationSession& tenant) -> Result<std::int64_t> {
            return forget_feedback(tenant, name, number);
        };
        const auto forgotten = co_await database_.write(organization, std::move(write));
        if (!forgotten || *forgotten < store::Turn::most) co_return;
    }
}

void Registry::remember(const StoredModel& row, Version version) {
    std::unique_lock lock{mutex_};
    auto& slot = models_[{row.organization, row.name}];
    auto model = slot ? std::make_shared<Model>(*slot) : std::make_shared<Model>();
    model->organization = row.organization;
    model->name = row.name;
    if (!model->traffic.production) model->traffic.production = row.production; // a traffic that was set since stays
    model->created_at = row.created_at;
    const auto at = std::lower_bound(model->versions.begin(), model->versions.end(), version.number,
                                     [](const Version& v, int number) { return v.number < number; });
    if (at == model->versions.end() || at->number != version.number) {
        model->versions.insert(at, std::move(version));
    } else { // pushed again: signed now, or healed; what runs it stays the same while it can be used
        if (at->ready()) version.runnable = at->runnable;
        *at = std::move(version);
    }
    slot = std::move(model);
}

void Registry::set_traffic(OrganizationId organization, const std::string& name, Traffic traffic) {
    std::unique_lock lock{mutex_};
    const auto at = models_.find({organization, name});
    if (at == models_.end()) return;
    auto model = std::make_shared<Model>(*at->second);
    model->traffic = std::move(traffic);
    at->second = std::move(model);
}

void Registry::forget(const Name& name, int number) {
    std::unique_lock lock{mutex_};
    const auto at = models_.find(name);
    if (at == models_.end()) return;
    auto model = std::make_shared<Model>(*at->second);
    std::erase_if(model->versions, [number](const Version& v) { return v.number == number; });
    if (model->versions.empty()) models_.erase(at);
    else at->second = std::move(model);
}

bool Registry::used(const std::string& sha256) const {
    std::shared_lock lock{mutex_};
    return std::any_of(models_.begin(), models_.end(), [&](const auto& entry) {
        const auto& versions = entry.second->versions;
        return std::any_of(versions.begin(), versions.end(), [&](const Version& v) {
            return v.sha256 == sha256 ||
                   std::any_of(v.files.begin(), v.files.end(), [&](const auto& file) { return file.sha256 == sha256; });
        });
    });
}

awaitable<void> Registry::drop_unused(std::vector<std::string> digests) {
    for (const auto& sha256 : digests) {
        if (sha256.empty()) continue; // of a push that did not come so far
        // Under the lock of the pushes, so that none can begin to rely on the file in between.
        auto drop = [this, sha256]() -> Result<void> {
            auto pushing = pushing_.lock();
            if (pushing->contains(sha256) || used(sha256)) return success();
            auto removed = files_.remove(sha256);
            return removed ? success() : Result<void>{removed.error()};
        };
        if (auto dropped = co_await pool_.run(std::move(drop)); !dropped)
            log_.warning("a model file that nobody uses could not be removed",
                         {{"sha256", sha256}, {"reason", dropped.error().detail}});
    }
}

} // namespace millrace::models
