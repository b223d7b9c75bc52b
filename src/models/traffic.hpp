// Which versions of a model answer, and how often. Pure values and the pure choice between them; the JSON form is that
// of PUT /api/v1/models/{name}/traffic.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"
#include "values/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::models {

struct Candidate {
    int version = 0;
    int basis_points = 0; // of 10,000: the share of the sticky keys that it answers
};

// When a candidate is taken back by itself, see rollback_rule.hpp.
struct RollbackPolicy {
    std::uint64_t min_samples = 100;       // predictions of the candidate before anything is decided
    double max_error_rate_increase = 0.02; // above production's error rate
    double max_latency_ratio = 2;          // of the 95th percentile of the model's own time to production's
};

struct Traffic {
    std::optional<int> production; // none only while the model has no versions
    std::optional<Candidate> candidate;
    std::optional<int> shadow;                                 // runs beside production, is compared, never answers
    std::optional<values::ModelName> fallback;                 // answers when production cannot
    std::optional<RollbackPolicy> rollback = RollbackPolicy{}; // none: only by hand

    // unprocessable with the member and the reason. The three versions are different ones.
    static Result<Traffic> from_json(const json::value& value);
    json::object to_json() const;
    // The model's own versions that it names, each once.
    std::vector<int> versions() const;
    bool names(int version) const;
};
bool operator==(const Traffic& a, const Traffic& b);   // says the same
bool same_answers(const Traffic& a, const Traffic& b); // whatever the policy

enum class Side { production, candidate };
// The same key falls on the same side for as long as the candidate is the same and its share does not shrink; the keys
// that fall to one candidate are others than those that fell to the one before.
Side choose(const Traffic& traffic, std::string_view model, std::string_view sticky_key);

// 1 to 999999999, no sign, no leading zero.
std::optional<int> version_number(std::string_view text);

} // namespace millrace::models
