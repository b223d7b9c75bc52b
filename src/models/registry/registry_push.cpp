// How a version comes in: read, checked, signed, tried, numbered, kept.
#include "models/registry.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "models/model_repository.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace millrace::models {
namespace {

constexpr std::uint64_t most_label_bytes = std::uint64_t{17}
                                           << 20; // as many labels as there may be, as long as they may be

// Each file that the manifest names has come, and no other.
Result<void> check_files(const std::vector<std::string>& named, const std::vector<Attached::File>& files) {
    std::set<std::string> came;
    for (const auto& file : files) {
        if (!std::binary_search(named.begin(), named.end(), file.name))
            return Error{Code::unprocessable,
                         fmt::format("the file \"{}\" came with the model, but the manifest does not name it",
                                     file.name)};
        if (!came.insert(file.name).second)
            return Error{Code::unprocessable, fmt::format("the file \"{}\" came twice", file.name)};
    }
    for (const auto& name : named)
        if (!came.contains(name))
            return Error{Code::unprocessable, fmt::format("the manifest names the file \"{}\", which did not come with "
                                                          "it: send it as a part \"file\" of that "
                                                          "name (millrace model push … --file {})",
                                                          name, name)};
    return success();
}

// Who signed it; the signature is kept in one form.
Result<void> check_signature(const TrustedKeys& trusted, StoredVersion& row) {
    auto signer = trusted.signer(row.signature, signed_sha256(row), hex(sha256(row.manifest_file)), row.files);
    if (!signer) return signer.error();
    row.signer = std::move(*signer);
    if (row.signature) row.signature = base64(*read_signature(*row.signature));
    return success();
}

} // namespace

class Registry::InUse {
public:
    InUse(Registry& registry, std::vector<std::string> digests) : registry_{registry}, digests_{std::move(digests)} {
        auto pushing = registry_.pushing_.lock();
        for (const auto& digest : digests_) ++(*pushing)[digest];
    }
    ~InUse() {
        auto pushing = registry_.pushing_.lock();
        for (const auto& digest : digests_)
            if (--(*pushing)[digest] == 0) pushing->erase(digest);
    }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

private:
    Registry& registry_;
    const std::vector<std::string> digests_;
};

// The manifest, checked, and the row's files.
awaitable<Result<std::shared_ptr<const values::Manifest>>> Registry::read_manifest(StoredVersion& row,
                                                                                   std::vector<Attached::File> files) {
    if (row.manifest_file.size() > values::max_manifest_bytes)
        co_return Error{Code::too_large,
                        fmt::format("the manifest has more than {} bytes", values::max_manifest_bytes)};
    auto text = parse_json(row.manifest_file);
    if (!text) co_return Error{text.error().code, "manifest: text: " + text.error().detail};
    auto named = values::named_files(*text);
    if (!named) co_return named.error();
    auto taken = co_await take_files(row, std::move(files), std::move(*named));
    if (!taken) co_return taken.error();
    auto whole = co_await with_labels(std::move(*text), row.files);
    if (!whole) co_return whole.error();
    auto manifest = values::Manifest::from_json(*whole);
    if (!manifest) co_return manifest.error();
    if (manifest->name != row.model)
        co_return Error{Code::unprocessable,
                        fmt::format("the manifest is of \"{}\", but was pushed to \"{}\"", manifest->name, row.model)};
    if (manifest->task == values::Task::chain)
        if (auto taken_up = take_steps(row, *manifest); !taken_up) co_return taken_up.error();
    row.manifest = json::serialize(manifest->to_json());
    if (row.manifest.size() > values::max_manifest_bytes)
        co_return Error{Code::too_large,
                        fmt::format("the manifest with its labels has more than {} bytes", values::max_manifest_bytes)};
    co_return std::make_shared<const values::Manifest>(std::move(*manifest));
}

awaitable<Result<void>> Registry::take_files(StoredVersion& row, std::vector<Attached::File> files,
                                             std::vector<std::string> named) {
    if (auto checked = check_files(named, files); !checked) co_return checked;
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (auto& file : files) {
        auto kept = co_await file.upload.finish();
        if (!kept) co_return kept.error();
        row.files.push_back({file.name, kept->sha256, kept->size});
    }
    co_return success();
}

awaitable<Result<json::value>> Registry::with_labels(json::value manifest, values::FileRefs files) {
    const auto name = values::labels_file(manifest);
    const auto file = std::find_if(files.begin(), files.end(), [&](const auto& each) { return each.name == name; });
    if (file == files.end()) co_return std::move(manifest);
    auto text = co_await files_.read_async(file->sha256, most_label_bytes);
    if (!text) co_return text.error();
    if (!*text)
        co_return Error{Code::unavailable,
                        fmt::format("the file \"{}\" was removed while it was being pushed; push it again", name)};
    if (auto put = values::put_labels(manifest, **text); !put) co_return put.error();
    co_return std::move(manifest);
}

awaitable<Result<Pushed>> Registry::push(values::Principal who, std::string name, std::optional<blobs::BlobUpload> file,
                                         std::string manifest_text, Attached attached) {
    if (!is_name(name))
        co_return Error{Code::unprocessable,
                        "a model's name has up to 63 of a-z 0-9 _ - and begins with a letter or digit"};
    StoredVersion row;
    row.organization = who.organization;
    row.model = name;
    row.manifest_file = std::move(manifest_text);
    row.created_at = clock_.now();
    row.signature = std::move(attached.signature);
    auto pushed = co_await take(row, std::move(file), std::move(attached));
    if (!pushed) {
        co_await drop_unused(digests_of(row.sha256, row.files));
        co_return pushed.error();
    }
    log_.info("model version pushed", {{"model", name},
                                       {"version", pushed->version.number},
                                       {"sha256", row.sha256},
                                       {"new", pushed->created},
                                       {"files", row.files.size()},
                                       {"signed_by", pushed->version.signer.value_or("")},
                                       {"by", who.name}});
    co_return std::move(*pushed);
}

awaitable<Result<Pushed>> Registry::take(StoredVersion& row, std::optional<blobs::BlobUpload> file, Attached attached) {
    auto manifest = co_await read_manifest(row, std::move(attached.files));
    if (!manifest) co_return manifest.error();
    const bool chain = (*manifest)->task == values::Task::chain;
    if (chain && (file || attached.sha256))
        co_return Error{
            Code::unprocessable,
            "a chain has no model file of its own: push its manifest alone (millrace model push NAME --manifest FILE)"};
    if (chain) co_return co_await keep(row, *manifest);
    if (!file)
        co_return Error{Code::unprocessable,
                        "the model file is missing: only a chain (\"task\": \"chain\") is pushed without one"};
    auto kept = co_await file->finish(std::move(attached.sha256));
    if (!kept) co_return kept.error();
    row.sha256 = kept->sha256;
    row.size = kept->size;
    co_return co_await keep(row, *manifest);
}

awaitable<Result<Pushed>> Registry::keep(StoredVersion row, std::shared_ptr<const values::Manifest> manifest) {
    const InUse in_use{*this, digests_of(row.sha256, row.files)};
    if (auto trusted = check_signature(trusted_, row); !trusted) co_return trusted.error();
    auto sound = co_await examine(row, manifest);
    if (!sound) co_return sound.error();
    auto write = [row, manifest](store::OrganizationSession& tenant) -> Result<Inserted> {
        if (auto there = check_steps(tenant, manifest->steps); !there) return there.error();
        auto inserted = insert_version(tenant, row);
        tenant.publish(VersionPushed{inserted.model, inserted.version, manifest});
        return inserted;
    };
    auto inserted = co_await database_.write(row.organization, std::move(write));
    if (!inserted) co_return inserted.error();
    const auto model = find(row.organization, row.model);
    const Version* version = model ? (*model)->find(inserted->version.number) : nullptr;
    if (!version) co_return Error{Code::conflict, "the version was deleted while it was pushed"};
    co_return Pushed{*version, inserted->created};
}

awaitable<Result<void>> Registry::examine(StoredVersion& row, std::shared_ptr<const values::Manifest> manifest) {
    if (manifest->task == values::Task::chain) co_return co_await warm_steps(row.organization, std::move(manifest));
    const auto candidate = make_version(row, std::move(manifest)).runnable;
    // Named before it is awaited, as every capturing lambda.
    auto inspect = [this, candidate]() -> Result<inference::ArchiveKind> {
        for (const auto& file : candidate->files)
            if (const auto opened = files_.open_blob(file.ref.sha256, file.ref.size); !opened || !*opened)
                return Error{Code::unavailable,
                             fmt::format("the file \"{}\" was removed while it was being pushed; push it again",
                                         file.ref.name)};
        return trial_.inspect(candidate->file);
    };
    auto kind = co_await pool_.run(std::move(inspect));
    if (!kind) co_return kind.error();
    row.format = *kind;
    auto tried = co_await trial_.run(candidate);
    if (!tried) co_return tried.error();
    row.trial = std::move(*tried);
    if (!row.trial)
        log_.warning("model version accepted untried: there is no runtime here", {{"model", candidate->name}});
    co_return success();
}

} // namespace millrace::models
