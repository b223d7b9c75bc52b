// How a version comes in: read, checked, signed, tried, numbered, kept.
#include "models/registry.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "models/model_repository.hpp"

#include <fmt/format.h>

namespace millrace::models {
namespace {

Result<std::shared_ptr<const model::Manifest>> read_manifest(const std::string& text, const std::string& name) {
    if (text.size() > model::max_manifest_bytes)
        return Error{Code::too_large, fmt::format("the manifest has more than {} bytes", model::max_manifest_bytes)};
    auto manifest = model::Manifest::parse(text);
    if (!manifest) return manifest.error();
    if (manifest->name != name)
        return Error{Code::unprocessable, fmt::format("the manifest is of \"{}\", but was pushed to \"{}\"", manifest->name, name)};
    return std::make_shared<const model::Manifest>(std::move(*manifest));
}

// Who signed it; the signature is kept in one form.
Result<void> check_signature(const TrustedKeys& trusted, StoredVersion& row) {
    auto signer = trusted.signer(row.signature, row.sha256, hex(sha256(row.manifest_file)));
    if (!signer) return signer.error();
    row.signer = std::move(*signer);
    if (row.signature) row.signature = base64(*read_signature(*row.signature));
    return success();
}

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

awaitable<Result<Pushed>> Registry::push(model::Principal who, std::string name, blobs::BlobUpload file, std::string manifest_text, Attached attached) {
    if (!is_name(name))
        co_return Error{Code::unprocessable, "a model's name has up to 63 of a-z 0-9 _ - and begins with a letter or digit"};
    auto manifest = read_manifest(manifest_text, name);
    if (!manifest) co_return manifest.error();
    auto file_kept = co_await file.finish(std::move(attached.sha256));
    if (!file_kept) co_return file_kept.error();
    StoredVersion row;
    row.organization = who.organization;
    row.model = name;
    row.sha256 = file_kept->sha256;
    row.size = file_kept->size;
    row.manifest = json::serialize((*manifest)->to_json());
    row.manifest_file = std::move(manifest_text);
    row.created_at = clock_.now();
    row.signature = std::move(attached.signature);
    auto pushed = co_await keep(row, *manifest);
    if (!pushed) {
        co_await drop_unused(row.sha256);
        co_return pushed.error();
    }
    log_.info("model version pushed", {{"model", name}, {"version", pushed->version.number}, {"sha256", row.sha256}, {"new", pushed->created},
                                       {"signed_by", pushed->version.signer.value_or("")}, {"by", who.name}});
    co_return std::move(*pushed);
}

awaitable<Result<Pushed>> Registry::keep(StoredVersion row, std::shared_ptr<const model::Manifest> manifest) {
    const InUse in_use{*this, row.sha256};
    if (auto trusted = check_signature(trusted_, row); !trusted) co_return trusted.error();
    auto sound = co_await examine(row, manifest);
    if (!sound) co_return sound.error();
    auto write = [row](store::Session& session) -> Result<Inserted> {
        store::TenantSession tenant{session, row.organization};
        return insert_version(tenant, row);
    };
    auto inserted = co_await database_.write(std::move(write));
    if (!inserted) co_return inserted.error();
    remember(inserted->model, make_version(inserted->version, std::move(manifest)));
    const auto model = find(row.organization, row.model);
    const Version* version = model ? (*model)->find(inserted->version.number) : nullptr;
    if (!version) co_return Error{Code::conflict, "the version was deleted while it was pushed"};
    co_return Pushed{*version, inserted->created};
}

awaitable<Result<void>> Registry::examine(StoredVersion& row, std::shared_ptr<const model::Manifest> manifest) {
    const auto candidate = make_version(row, std::move(manifest)).runnable;
    // Named before it is awaited, as every capturing lambda.
    auto inspect = [this, candidate]() -> Result<inference::ArchiveKind> { return trial_.inspect(candidate->file); };
    auto kind = co_await pool_.run(std::move(inspect));
    if (!kind) co_return kind.error();
    row.format = *kind;
    auto tried = co_await trial_.run(candidate);
    if (!tried) co_return tried.error();
    row.trial = std::move(*tried);
    if (!row.trial) log_.warning("model version accepted untried: there is no runtime here", {{"model", candidate->name}});
    co_return success();
}

} // namespace millrace::models
