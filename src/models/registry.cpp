#include "models/registry.hpp"

#include "models/model_repository.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::models {
namespace {

using store::Session;
using store::TenantSession;

Error no_model(std::string_view name) { return {Code::not_found, fmt::format("there is no model \"{}\"", name)}; }

Result<std::shared_ptr<const model::Manifest>> read_manifest(const std::string& text, const std::string& name) {
    if (text.size() > model::max_manifest_bytes)
        return Error{Code::too_large, fmt::format("the manifest has more than {} bytes", model::max_manifest_bytes)};
    auto manifest = model::Manifest::parse(text);
    if (!manifest) return manifest.error();
    if (manifest->name != name)
        return Error{Code::unprocessable, fmt::format("the manifest is of \"{}\", but was pushed to \"{}\"", manifest->name, name)};
    return std::make_shared<const model::Manifest>(std::move(*manifest));
}

struct Stored {
    std::vector<StoredModel> models;
    std::vector<StoredVersion> versions;
};

} // namespace

class Registry::InUse {
public:
    InUse(Registry& registry, std::string sha256) : registry_{registry}, sha256_{std::move(sha256)} { ++(*registry_.pushing_.lock())[sha256_]; }
    ~InUse() {
        auto pushing = registry_.pushing_.lock();
        if (--(*pushing)[sha256_] == 0) pushing->erase(sha256_);
    }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

private:
    Registry& registry_;
    std::string sha256_;
};

Registry::Registry(store::Database& database, blobs::BlobStore& files, Trial& trial, async::ThreadPool& pool, const Clock& clock,
                   telemetry::Log& log)
    : database_{database}, files_{files}, trial_{trial}, pool_{pool}, clock_{clock}, log_{log} {}

Version Registry::make_version(OrganizationId organization, const std::string& name, int number, const std::string& sha256, std::uint64_t size,
                               Timestamp created_at, std::shared_ptr<const model::Manifest> manifest) const {
    auto runnable = std::make_shared<const inference::ModelVersion>(
        inference::ModelVersion{organization, name, std::to_string(number), sha256, files_.path_of(sha256), manifest});
    return {number, sha256, size, created_at, "", std::move(manifest), std::move(runnable)};
}

Result<void> Registry::load_blocking() {
    auto stored = database_.read_blocking([](Session& session) -> Result<Stored> { return Stored{all_models(session), all_versions(session)}; });
    if (!stored) return stored.error();
    std::map<Name, StoredModel> models;
    for (auto& model : stored->models) models.emplace(Name{model.organization, model.name}, model);
    for (const auto& row : stored->versions) {
        auto manifest = model::Manifest::parse(row.manifest);
        // Written by push() in a form that it had read itself, so only a store that was tampered with comes here.
        if (!manifest) return Error{Code::internal, fmt::format("the manifest of {}/{} cannot be read: {}", row.model, row.number, manifest.error().detail)};
        Version version = make_version(row.organization, row.model, row.number, row.sha256, row.size, row.created_at,
                                       std::make_shared<const model::Manifest>(std::move(*manifest)));
        const auto file = files_.open_blob(row.sha256, row.size);
        if (!file || !*file) {
            version.reason = file ? "its file is missing" : file.error().detail;
            version.runnable = nullptr;
            log_.error("model version cannot be used", {{"model", row.model}, {"version", row.number}, {"reason", version.reason}});
        }
        remember(models.at({row.organization, row.model}), std::move(version));
    }
    return success();
}

awaitable<Result<Pushed>> Registry::push(model::Principal who, std::string name, blobs::BlobUpload file, std::string manifest_text) {
    if (!is_name(name))
        co_return Error{Code::unprocessable, "a model's name has up to 63 of a-z 0-9 _ - and begins with a letter or digit"};
    auto manifest = read_manifest(manifest_text, name);
    if (!manifest) co_return manifest.error();
    auto kept = co_await file.finish();
    if (!kept) co_return kept.error();
    const std::string sha256 = kept->sha256;
    StoredVersion row{who.organization, name, 0, sha256, kept->size, json::serialize((*manifest)->to_json()), clock_.now()};
    Result<Inserted> inserted = Error{};
    {
        const InUse in_use{*this, sha256};
        auto sound = co_await examine(make_version(who.organization, name, 0, sha256, kept->size, row.created_at, *manifest).runnable);
        if (sound) {
            auto write = [row](Session& session) -> Result<Inserted> {
                TenantSession tenant{session, row.organization};
                return insert_version(tenant, row);
            };
            inserted = co_await database_.write(std::move(write));
        } else {
            inserted = sound.error();
        }
        if (inserted) remember(inserted->model, make_version(who.organization, name, inserted->number, sha256, row.size, row.created_at, *manifest));
    }
    if (!inserted) {
        co_await drop_unused(sha256);
        co_return inserted.error();
    }
    auto model = find(who.organization, name);
    const Version* version = model ? (*model)->find(inserted->number) : nullptr;
    if (!version) co_return Error{Code::conflict, "the version was deleted while it was pushed"};
    log_.info("model version pushed", {{"model", name}, {"version", inserted->number}, {"sha256", sha256}, {"new", inserted->created}, {"by", who.name}});
    co_return Pushed{*version, inserted->created};
}

awaitable<Result<void>> Registry::examine(std::shared_ptr<const inference::ModelVersion> candidate) {
    // Named before it is awaited, as every capturing lambda.
    auto inspect = [this, candidate]() -> Result<void> { return trial_.inspect(candidate->file); };
    auto archive = co_await pool_.run(std::move(inspect));
    if (!archive) co_return archive.error();
    auto tried = co_await trial_.run(candidate);
    if (!tried) co_return tried.error();
    if (*tried == Tried::no_runtime) log_.warning("model version accepted untried: there is no runtime here", {{"model", candidate->name}});
    co_return success();
}

std::vector<std::shared_ptr<const Model>> Registry::list(OrganizationId organization) const {
    std::vector<std::shared_ptr<const Model>> models;
    std::shared_lock lock{mutex_};
    for (auto at = models_.lower_bound({organization, ""}); at != models_.end() && at->first.first == organization; ++at)
        models.push_back(at->second);
    return models;
}

Result<std::shared_ptr<const Model>> Registry::find(OrganizationId organization, std::string_view name) const {
    std::shared_lock lock{mutex_};
    const auto at = models_.find({organization, std::string{name}});
    if (at == models_.end()) return no_model(name);
    return at->second;
}

Result<std::shared_ptr<const inference::ModelVersion>> Registry::resolve(OrganizationId organization, std::string_view name,
                                                                        std::optional<std::string_view> wanted) const {
    const auto model = find(organization, name);
    if (!model) return model.error();
    const auto number = wanted ? version_number(*wanted) : (*model)->traffic.production;
    const Version* version = number ? (*model)->find(*number) : nullptr;
    if (!version) return Error{Code::not_found, fmt::format("there is no version \"{}\" of the model \"{}\"", wanted.value_or("production"), name)};
    if (!version->ready()) return Error{Code::unavailable, fmt::format("version {} of the model \"{}\" cannot be used: {}", *number, name, version->reason)};
    return version->runnable;
}

awaitable<Result<void>> Registry::remove(model::Principal who, std::string name, std::string version) {
    const auto model = find(who.organization, name);
    if (!model) co_return model.error();
    const auto number = version_number(version);
    const Version* known = number ? (*model)->find(*number) : nullptr;
    if (!known) co_return Error{Code::not_found, fmt::format("there is no version \"{}\" of the model \"{}\"", version, name)};
    for (const auto& other : list(who.organization))
        if (const int falling = falls_back_to(*other, **model, *number))
            co_return Error{Code::conflict, fmt::format("version {} of \"{}\" is the fallback of {}/{}; delete that first", version, name, other->name, falling)};
    auto write = [organization = who.organization, name, number = *number](Session& session) -> Result<void> {
        TenantSession tenant{session, organization};
        return delete_version(tenant, name, number);
    };
    auto written = co_await database_.write(std::move(write));
    if (!written) co_return written.error();
    forget({who.organization, name}, *number);
    log_.info("model version deleted", {{"model", name}, {"version", *number}, {"by", who.name}});
    co_await drop_unused(known->sha256);
    co_return success();
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
    } else if (!at->ready()) { // pushed again after its file was lost; its age stays
        version.created_at = at->created_at;
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
        return std::any_of(versions.begin(), versions.end(), [&](const Version& v) { return v.sha256 == sha256; });
    });
}

awaitable<void> Registry::drop_unused(std::string sha256) {
    // Under the lock of the pushes, so that none can begin to rely on the file in between.
    auto drop = [this, sha256]() -> Result<void> {
        auto pushing = pushing_.lock();
        if (pushing->contains(sha256) || used(sha256)) return success();
        trial_.forget(sha256);
        auto removed = files_.remove(sha256);
        return removed ? success() : Result<void>{removed.error()};
    };
    if (auto dropped = co_await pool_.run(std::move(drop)); !dropped)
        log_.warning("a model file that nobody uses could not be removed", {{"sha256", sha256}, {"reason", dropped.error().detail}});
}

} // namespace millrace::models
