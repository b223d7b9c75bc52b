#include "models/model.hpp"

#include <algorithm>

namespace millrace::models {
namespace {

json::value member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? *value : json::value{};
}

} // namespace

const Version* Model::find(int number) const {
    const auto at =
        std::find_if(versions.begin(), versions.end(), [number](const Version& v) { return v.number == number; });
    return at == versions.end() ? nullptr : &*at;
}

std::vector<std::string> digests_of(const std::string& model_sha256, const values::FileRefs& files) {
    std::vector<std::string> digests{model_sha256};
    for (const auto& file : files) digests.push_back(file.sha256);
    return digests;
}

int falls_back_to(const Model& other, const Model& model, int number) {
    const bool production = model.traffic.production == number;
    for (const auto& version : other.versions) {
        const auto& fallback = version.manifest->fallback;
        if (!fallback || fallback->model != model.name) continue;
        if (other.name == model.name && version.number == number) continue; // its own
        if (fallback->version ? *fallback->version == std::to_string(number) : production) return version.number;
    }
    return 0;
}

bool is_name(std::string_view text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= 63 && letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || c == '_' || c == '-'; });
}

namespace {

enum class Details { none, without_manifest, all };

// Nothing that may be large is made where the details are not asked for.
json::object describe(const Version& version, Details details) {
    json::object out{{"version", std::to_string(version.number)},
                     {"state", version.ready() ? "ready" : "failed"},
                     {"sha256", version.sha256},
                     {"size", version.size},
                     {"created_at", version.created_at.text()},
                     {"description", version.manifest->description},
                     {"task", values::name(version.manifest->task)}};
    json::object manifest;
    if (details != Details::none) {
        manifest = version.manifest->to_json();
        out["labels"] = json::value_from(version.manifest->labels);
        out["accuracy"] = member(manifest, "accuracy");
        out["input"] = version.manifest->only_input_json();
    }
    if (!version.reason.empty()) out["reason"] = version.reason;
    out["format"] = inference::name(version.format);
    if (details != Details::none) {
        out["files"] = values::to_json(version.files);
        out["trial"] = version.trial ? json::value(version.trial->to_json()) : json::value(nullptr);
    }
    out["signed_by"] = version.signer ? json::value(*version.signer) : json::value(nullptr);
    out["signature"] = version.signature ? json::value(*version.signature) : json::value(nullptr);
    if (details == Details::all) out["manifest"] = std::move(manifest);
    return out;
}

Details details_of(bool with_manifest) { return with_manifest ? Details::all : Details::without_manifest; }

} // namespace

json::object to_json(const Version& version, bool with_manifest) {
    return describe(version, details_of(with_manifest));
}

json::object to_json(const Model& model, bool with_manifests) {
    constexpr std::size_t most_details = std::size_t{4} << 20;
    json::array versions(model.versions.size());
    std::size_t bytes = 0;
    for (std::size_t i = versions.size(); i-- > 0;) {
        const Version& version = model.versions[i];
        const bool is_whole = bytes < most_details || model.traffic.names(version.number);
        auto out = describe(version, is_whole ? details_of(with_manifests) : Details::none);
        if (is_whole) bytes += json::serialize(out).size();
        versions[i] = std::move(out);
    }
    auto traffic = model.traffic.to_json();
    return {{"name", model.name},
            {"production", traffic.at("production")},
            {"traffic", traffic},
            {"created_at", model.created_at.text()},
            {"versions", std::move(versions)}};
}

} // namespace millrace::models
