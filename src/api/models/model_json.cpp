#include "api/models/model_json.hpp"

#include <algorithm>
#include <array>

namespace millrace::api {

json::object quarantine_json(const inference::QuarantineStatus& held) {
    json::object out{{"kind", held.kind}, {"workers_ended", held.workers_ended}, {"until", held.until.text()}};
    if (!held.model.empty()) out["model"] = held.model + "/" + held.version;
    if (!held.input.empty()) out["input"] = held.input;
    return out;
}

namespace {

using inference::LoadedModel;
using inference::ModelStatistics;

// The engine's entry of a version; null when it has none.
template <class Entry>
const Entry* find_entry(const std::vector<Entry>& entries, OrganizationId organization, std::string_view model,
                        int version) {
    const auto number = std::to_string(version);
    const auto at = std::find_if(entries.begin(), entries.end(), [&](const Entry& each) {
        return each.version->organization == organization && each.version->name == model &&
               each.version->version == number;
    });
    return at == entries.end() ? nullptr : &*at;
}

template <class Entry>
const Entry* entry_of(const std::vector<Entry>& entries, const models::Model& model, const models::Version& version) {
    return find_entry(entries, model.organization, model.name, version.number);
}

json::object loaded_json(const LoadedModel* loaded) {
    json::object out{{"state", loaded ? loaded->state : "absent"},
                     {"memory_bytes", 0},
                     {"used_at", nullptr},
                     {"own_worker", false},
                     {"quarantine", json::array{}}};
    if (!loaded) return out;
    out["own_worker"] = loaded->own_worker;
    if (loaded->state == "ready") out["memory_bytes"] = loaded->report.memory_bytes;
    if (loaded->used_at.micros > 0) out["used_at"] = loaded->used_at.text();
    if (!loaded->reason.empty()) out["reason"] = loaded->reason;
    for (const auto& held : loaded->quarantine) out["quarantine"].as_array().push_back(quarantine_json(held));
    return out;
}

// A chain is as far as the step that is least far; its memory is that of its steps, and shown with them.
json::object loaded_chain_json(const models::Model& model, const values::Manifest& chain, const LoadedModels& loaded) {
    constexpr std::array<std::string_view, 4> states{"failed", "absent", "loading", "ready"};
    std::size_t least = states.size() - 1;
    std::string reason;
    for (const auto& step : chain.steps) {
        const auto* entry = find_entry(loaded, model.organization, step.model, step.version);
        const auto at = static_cast<std::size_t>(
            std::find(states.begin(), states.end(), entry ? std::string_view{entry->state} : "absent") -
            states.begin());
        if (entry && !entry->reason.empty() && reason.empty()) reason = values::title(step) + ": " + entry->reason;
        least = std::min(least, at);
    }
    auto out = loaded_json(nullptr);
    out["state"] = states[least];
    if (!reason.empty()) out["reason"] = reason;
    return out;
}

json::object loaded_version_json(const models::Model& model, const models::Version& version,
                                 const LoadedModels& loaded) {
    if (version.manifest->task == values::Task::chain) return loaded_chain_json(model, *version.manifest, loaded);
    return loaded_json(entry_of(loaded, model, version));
}

double milliseconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }

json::object duration_json(const ModelStatistics::Duration& duration) {
    return {{"count", duration.count}, {"ms", milliseconds(duration.ns)}};
}

double share(std::uint64_t part, std::uint64_t rest) {
    return part + rest == 0 ? 0 : static_cast<double>(part) / static_cast<double>(part + rest);
}

json::object statistics_of(const models::Version& version, const ModelStatistics& s) {
    json::array batches;
    for (const auto& [rows, time] : s.batches)
        batches.push_back({{"rows", rows}, {"count", time.count}, {"ms", milliseconds(time.ns)}});
    const auto mean_batch =
        s.execution_count == 0 ? 0 : static_cast<double>(s.inference_count) / static_cast<double>(s.execution_count);
    return {{"version", std::to_string(version.number)},
            {"last_inference",
             s.last_inference.micros > 0 ? json::value(s.last_inference.text()) : json::value(nullptr)},
            {"inference_count", s.inference_count},
            {"execution_count", s.execution_count},
            {"mean_batch", mean_batch},
            {"pending", s.pending},
            {"success", duration_json(s.success)},
            {"failure", duration_json(s.fail)},
            {"queue", duration_json(s.queue)},
            {"compute_input", duration_json(s.compute_input)},
            {"compute_infer", duration_json(s.compute_infer)},
            {"compute_output", duration_json(s.compute_output)},
            {"batches", std::move(batches)},
            {"cache",
             {{"hits", s.cache_hit.count},
              {"misses", s.cache_miss.count},
              {"hit_rate", share(s.cache_hit.count, s.cache_miss.count)}}}};
}

} // namespace

json::object model_json(const models::Model& model, bool with_manifests, const LoadedModels& loaded) {
    auto out = models::to_json(model, with_manifests);
    auto& versions = out.at("versions").as_array();
    for (std::size_t i = 0; i < versions.size(); ++i)
        versions[i].as_object()["loaded"] = loaded_version_json(model, model.versions[i], loaded);
    return out;
}

json::object version_json(const models::Model& model, const models::Version& version, const LoadedModels& loaded) {
    auto out = models::to_json(version, true);
    out["model"] = model.name;
    out["loaded"] = loaded_version_json(model, version, loaded);
    return out;
}

json::object statistics_json(const models::Model& model, const std::vector<ModelStatistics>& statistics) {
    json::array versions;
    std::uint64_t pending = 0;
    for (const auto& version : model.versions) {
        const auto* found = entry_of(statistics, model, version);
        const ModelStatistics none;
        versions.push_back(statistics_of(version, found ? *found : none));
        pending += found ? found->pending : 0;
    }
    return {{"name", model.name}, {"pending", pending}, {"versions", std::move(versions)}};
}

} // namespace millrace::api
