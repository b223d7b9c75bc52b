#include "models/traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace millrace::models {
namespace {

constexpr int whole = 10'000;
constexpr std::int64_t most_samples = 1'000'000'000;

Error wrong(std::string detail) { return {Code::unprocessable, std::move(detail)}; }

Result<std::optional<int>> read_version(const json::object& object, std::string_view member) {
    const auto text = string_field(object, member, 32);
    if (!text) return text.error();
    if (!*text) return std::optional<int>{};
    const auto number = version_number(**text);
    if (!number) return wrong(fmt::format("\"{}\" is the number of a version, as text: \"3\"", member));
    return std::optional<int>{*number};
}

Result<std::optional<Candidate>> read_candidate(const json::object& traffic) {
    const auto* value = field(traffic, "candidate");
    if (!value) return std::optional<Candidate>{};
    const auto* object = value->if_object();
    if (!object) return wrong("\"candidate\" is an object: {\"version\":\"4\",\"percent\":10}");
    if (const auto known = only_fields(*object, {"version", "percent"}); !known) return known.error();
    const auto version = read_version(*object, "version");
    if (!version) return version.error();
    const auto percent = number_field(*object, "percent", 0, 100);
    if (!percent) return percent.error();
    if (!*version || !*percent) return wrong("a candidate needs \"version\" and \"percent\"");
    return std::optional{Candidate{**version, static_cast<int>(std::lround(**percent * whole / 100))}};
}

Result<std::optional<values::ModelName>> read_fallback(const json::object& traffic) {
    const auto* value = field(traffic, "fallback");
    if (!value) return std::optional<values::ModelName>{};
    const auto* object = value->if_object();
    if (!object)
        return wrong("\"fallback\" is an object: {\"model\":\"small\",\"version\":\"1\"}; without \"version\" the "
                     "production version answers");
    if (const auto known = only_fields(*object, {"model", "version"}); !known) return known.error();
    const auto model = string_field(*object, "model", 64);
    if (!model) return model.error();
    if (!*model || !values::is_model_name(**model)) return wrong("\"fallback\" needs the name of a \"model\"");
    const auto version = read_version(*object, "version");
    if (!version) return version.error();
    values::ModelName name{**model, std::nullopt};
    if (*version) name.version = std::to_string(**version);
    return std::optional{std::move(name)};
}

// Absent: the usual policy; false: none.
Result<std::optional<RollbackPolicy>> read_policy(const json::object& traffic) {
    const auto* value = field(traffic, "rollback");
    if (!value) return std::optional{RollbackPolicy{}};
    if (const auto* flag = value->if_bool(); flag && !*flag) return std::optional<RollbackPolicy>{};
    const auto* object = value->if_object();
    if (!object)
        return wrong("\"rollback\" is false, or an object: "
                     "{\"min_samples\":100,\"max_error_rate_increase\":0.02,\"max_latency_ratio\":2}");
    if (const auto known = only_fields(*object, {"min_samples", "max_error_rate_increase", "max_latency_ratio"});
        !known)
        return known.error();
    const auto samples = integer_field(*object, "min_samples", 1, most_samples);
    if (!samples) return samples.error();
    const auto increase = number_field(*object, "max_error_rate_increase", 0, 1);
    if (!increase) return increase.error();
    const auto ratio = number_field(*object, "max_latency_ratio", 1, 1e6);
    if (!ratio) return ratio.error();
    RollbackPolicy policy;
    if (*samples) policy.min_samples = static_cast<std::uint64_t>(**samples);
    policy.max_error_rate_increase = increase->value_or(policy.max_error_rate_increase);
    policy.max_latency_ratio = ratio->value_or(policy.max_latency_ratio);
    return std::optional{policy};
}

json::value text_of(const std::optional<int>& version) {
    return version ? json::value(std::to_string(*version)) : json::value(nullptr);
}

json::value to_json(const std::optional<values::ModelName>& name) {
    if (!name) return nullptr;
    return json::object{{"model", name->model},
                        {"version", name->version ? json::value(*name->version) : json::value(nullptr)}};
}

// FNV-1a, its bits then mixed, so that keys which differ in their last letter are spread as far as any others.
std::uint64_t hash(std::uint64_t seed, std::string_view text) {
    std::uint64_t value = seed ^ 0xcbf29ce484222325U;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

} // namespace

Result<Traffic> Traffic::from_json(const json::value& value) {
    const auto* object = value.if_object();
    if (!object)
        return wrong("traffic is an object: {\"production\":\"3\",\"candidate\":{\"version\":\"4\",\"percent\":10}}");
    if (const auto known = only_fields(*object, {"production", "candidate", "shadow", "fallback", "rollback"}); !known)
        return known.error();
    auto production = read_version(*object, "production");
    if (!production) return production.error();
    auto candidate = read_candidate(*object);
    if (!candidate) return candidate.error();
    auto shadow = read_version(*object, "shadow");
    if (!shadow) return shadow.error();
    auto fallback = read_fallback(*object);
    if (!fallback) return fallback.error();
    auto policy = read_policy(*object);
    if (!policy) return policy.error();
    if (!*production) return wrong("\"production\" is missing: the version that answers");
    Traffic traffic{*production, *candidate, *shadow, std::move(*fallback), *policy};
    const std::size_t named = 1 + traffic.candidate.has_value() + traffic.shadow.has_value();
    if (traffic.versions().size() != named) return wrong("production, candidate and shadow are different versions");
    return traffic;
}

json::object Traffic::to_json() const {
    json::object out{{"production", text_of(production)},
                     {"candidate", nullptr},
                     {"shadow", text_of(shadow)},
                     {"fallback", models::to_json(fallback)},
                     {"rollback", false}};
    if (candidate)
        out["candidate"] = json::object{{"version", std::to_string(candidate->version)},
                                        {"percent", candidate->basis_points * 100.0 / whole}};
    if (rollback)
        out["rollback"] = json::object{{"min_samples", rollback->min_samples},
                                       {"max_error_rate_increase", rollback->max_error_rate_increase},
                                       {"max_latency_ratio", rollback->max_latency_ratio}};
    return out;
}

std::vector<int> Traffic::versions() const {
    std::vector<int> all;
    if (production) all.push_back(*production);
    if (candidate) all.push_back(candidate->version);
    if (shadow) all.push_back(*shadow);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

bool Traffic::names(int version) const {
    const auto all = versions();
    return std::binary_search(all.begin(), all.end(), version);
}

bool operator==(const Traffic& a, const Traffic& b) { return a.to_json() == b.to_json(); }

bool same_answers(const Traffic& a, const Traffic& b) {
    auto other = b;
    other.rollback = a.rollback;
    return a == other;
}

Side choose(const Traffic& traffic, std::string_view model, std::string_view sticky_key) {
    if (!traffic.candidate || traffic.candidate->basis_points == 0) return Side::production;
    const auto seed = hash(static_cast<std::uint64_t>(traffic.candidate->version), model);
    const auto place = static_cast<int>(hash(seed, sticky_key) % whole);
    return place < traffic.candidate->basis_points ? Side::candidate : Side::production;
}

std::optional<int> version_number(std::string_view text) {
    if (text.empty() || text.size() > 9 || text.front() == '0') return std::nullopt;
    int number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + (c - '0');
    }
    return number;
}

} // namespace millrace::models
