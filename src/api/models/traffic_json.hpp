// Traffic and the comparison of versions as the API shows them. Pure.
#pragma once
#include "base/json.hpp"
#include "models/counts.hpp"
#include "models/feedback.hpp"
#include "models/traffic_repository.hpp"
#include "values/breaker.hpp"

#include <string>
#include <vector>

namespace millrace::api {

// `history`: the present one first, as it is stored; empty where none was ever set.
json::object write_traffic(const models::Traffic& present, const std::vector<models::StoredTraffic>& history);

struct VersionView {
    int number = 0;
    std::string role; // production, candidate, shadow; empty: none of them
    models::Counts counts;
    models::FeedbackCount feedback;
    values::BreakerView breaker;
};
json::object write_version(const VersionView& version);

} // namespace millrace::api
