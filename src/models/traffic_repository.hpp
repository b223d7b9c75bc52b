// The SQL of a model's traffic: the present one, and those before. Called only inside store tasks.
#pragma once
#include "models/traffic.hpp"
#include "store/sql.hpp"

#include <optional>
#include <string>
#include <vector>

namespace millrace::models {

struct StoredTraffic {
    OrganizationId organization;
    std::string model;
    int revision = 0;
    Traffic traffic;
    int stands_for = 0; // the revision that it returned to; its own where it is new
    std::string reason, set_by;
    Timestamp set_at;
};

struct TrafficChange {
    Traffic traffic;
    std::optional<int> after; // only while this is the present revision
    std::optional<int> stands_for;
    std::string reason, set_by;
    Timestamp at;
};

inline constexpr int kept_revisions = 50;

// The present traffic of every model that had any set, over all organisations.
std::vector<StoredTraffic> present_traffic(store::SystemSession& session);
std::vector<StoredTraffic> traffic_history(store::OrganizationSession& session,
                                           const std::string& model); // the latest first

// The new revision. not_found: no such model; unprocessable: a version, or the fallback, is not there; conflict: the
// traffic was changed since.
Result<int> write_traffic(store::OrganizationSession& session, const std::string& model, const TrafficChange& change);

// conflict while a traffic, its model's or another's, names the version besides production.
Result<void> check_not_in_traffic(store::OrganizationSession& session, const std::string& model, int version);
// Of what was told about a version that is gone, as much as one turn of the writer takes; how much.
std::int64_t forget_feedback(store::OrganizationSession& session, const std::string& model, int version);
// With the last version go the traffics; with any version what it did. Its feedback may be much, and goes by
// forget_feedback().
void forget_version(store::OrganizationSession& session, const std::string& model, int version, bool last);

} // namespace millrace::models
