#include "models/trusted_keys.hpp"

#include "values/model_signature.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace millrace::models {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t largest_key = 64 * 1024;

Error about(const fs::path& path, std::string_view what) {
    return {Code::invalid_argument, fmt::format("models.trusted_keys: {}: {}", path.string(), what)};
}

Result<std::vector<fs::path>> key_files(const fs::path& place) {
    std::error_code failure;
    if (!fs::is_directory(place, failure)) return std::vector{place};
    std::vector<fs::path> files;
    for (fs::directory_iterator each{place, failure}, end; !failure && each != end; each.increment(failure))
        if (each->path().extension() == ".pem") files.push_back(each->path());
    if (failure) return about(place, failure.message());
    std::sort(files.begin(), files.end());
    return files;
}

Result<VerifyingKey> read_key(const fs::path& path) {
    std::error_code failure;
    if (const auto size = fs::file_size(path, failure); failure || size > largest_key)
        return about(path, failure ? failure.message() : "too large for a key");
    std::ifstream in{path, std::ios::binary};
    if (!in) return about(path, std::strerror(errno));
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    auto key = VerifyingKey::from_pem(text);
    if (!key) return about(path, key.error().detail);
    return key;
}

} // namespace

Result<TrustedKeys> TrustedKeys::read(const fs::path& place, bool required) {
    TrustedKeys out;
    out.required_ = required;
    if (!place.empty()) {
        const auto files = key_files(place);
        if (!files) return files.error();
        for (const auto& file : *files) {
            auto key = read_key(file);
            if (!key) return key.error();
            out.keys_.push_back(std::move(*key));
        }
    }
    if (required && out.keys_.empty())
        return Error{Code::invalid_argument, "models.require_signature is true, but models.trusted_keys names no "
                                             "public key (.pem) to check signatures with"};
    return out;
}

Result<std::optional<std::string>> TrustedKeys::signer(const std::optional<std::string>& text,
                                                       const std::string& model_sha256,
                                                       const std::string& manifest_sha256,
                                                       const values::FileRefs& files) const {
    if (!text) {
        if (!required_) return std::optional<std::string>{};
        return Error{Code::unprocessable, "models must be signed here (models.require_signature): sign it with "
                                          "`millrace model sign` and push it with its signature"};
    }
    const auto signature = read_signature(*text);
    if (!signature) return Error{Code::unprocessable, "the signature is not one of Ed25519: 64 bytes, or their base64"};
    if (keys_.empty()) return std::optional<std::string>{};
    const auto what = values::signed_text(model_sha256, manifest_sha256, files);
    for (const auto& key : keys_)
        if (key.verifies(what, *signature)) return std::optional{key.id()};
    std::vector<std::string> ids;
    for (const auto& key : keys_) ids.push_back(key.id());
    return Error{
        Code::unprocessable,
        fmt::format(
            "the signature is not that of a trusted key over this model file, this manifest and these {} further files "
            "(trusted: {}); if "
            "it was signed by one of them, a file was changed, added or left out afterwards: each counts byte for byte",
            files.size(), fmt::join(ids, ", "))};
}

} // namespace millrace::models
