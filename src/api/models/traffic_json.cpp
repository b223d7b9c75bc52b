#include "api/models/traffic_json.hpp"

#include <cmath>

namespace millrace::api {
namespace {

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

json::object write_durations(const models::Durations& durations) {
    const auto ms = [](double value) { return rounded(value, 1000); };
    return {{"mean", ms(durations.mean_ms())},
            {"p50", ms(durations.percentile_ms(50))},
            {"p95", ms(durations.percentile_ms(95))},
            {"p99", ms(durations.percentile_ms(99))}};
}

json::value share(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return nullptr;
    return rounded(static_cast<double>(part) / static_cast<double>(whole), 1e6);
}

} // namespace

json::object write_traffic(const models::Traffic& present, const std::vector<models::StoredTraffic>& history) {
    auto out = present.to_json();
    json::array entries;
    for (const auto& each : history)
        entries.push_back(json::object{
            {"revision", each.revision},
            {"traffic", each.traffic.to_json()},
            {"set_by", each.set_by},
            {"set_at", each.set_at.text()},
            {"reason", each.reason.empty() ? json::value(nullptr) : json::value(each.reason)},
            {"returned_to", each.stands_for == each.revision ? json::value(nullptr) : json::value(each.stands_for)}});
    out["history"] = std::move(entries);
    return out;
}

json::object write_version(const VersionView& version) {
    const auto& counts = version.counts;
    json::object labels;
    for (const auto& [label, n] : counts.labels) labels[label] = n;
    return {{"version", std::to_string(version.number)},
            {"role", version.role.empty() ? json::value(nullptr) : json::value(version.role)},
            {"predictions", counts.predictions},
            {"errors", counts.errors},
            {"error_rate", share(counts.errors, counts.predictions)},
            {"refused", counts.refused},
            {"fallbacks", counts.fallbacks},
            {"bad_inputs", counts.bad_inputs},
            {"turned_away", counts.turned_away},
            {"cached", counts.cached},
            {"latency_ms", write_durations(counts.latency)},
            {"own_ms", write_durations(counts.own)},
            {"labels", std::move(labels)},
            {"other_labels", counts.other_labels},
            {"shadow",
             {{"compared", counts.compared},
              {"agreed", counts.agreed},
              {"agreement", share(counts.agreed, counts.compared)}}},
            {"feedback",
             {{"count", version.feedback.count},
              {"correct", version.feedback.correct},
              {"accuracy", share(version.feedback.correct, version.feedback.count)}}},
            {"breaker", version.breaker.name()}};
}

} // namespace millrace::api
