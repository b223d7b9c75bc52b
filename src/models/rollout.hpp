// Who answers for a model: set, taken back by hand or by itself, remembered. A version is loaded and warm before the
// first prediction is sent to it; until then, and when that fails, the traffic is as it was. Thread-safe.
#pragma once
#include "async/awaitable.hpp"
#include "async/repeating.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "events/feed.hpp"
#include "models/registry.hpp"
#include "models/serving/runner.hpp"
#include "models/traffic/contest.hpp"
#include "models/traffic_repository.hpp"
#include "store/database.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "values/principal.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::models {

// A model's traffic was set or rolled back: from now on it is the one that serves.
struct TrafficSet {
    OrganizationId organization;
    std::string model;
    int revision = 0;
    Traffic traffic;
};

class Rollout {
public:
    // `feed` is that of `database`. Borrows all for its lifetime.
    Rollout(store::Database& database, events::Feed& feed, Registry& registry, Runner& runner, const Clock& clock,
            telemetry::Log& log, telemetry::Metrics& metrics);

    // After the registry's, before the first request.
    Result<void> load_blocking();
    // Stores what candidates and production did: every second, sooner after twenty predictions of a candidate that is
    // still to be judged. A killed daemon forgets so much of it, one that is stopped nothing.
    void start(asio::io_context& context); // its saves run there; carries out what the last life left
    void stop();                           // stores the rest; blocks. Idempotent

    // not_found; unprocessable: a version or the fallback is not there; conflict: one of them does not load, with the
    // reason.
    awaitable<Result<void>> set(values::Principal who, std::string name, Traffic traffic);
    // To what was before, and before that when it is done again. conflict when nothing before can still be returned to.
    awaitable<Result<void>> roll_back(values::Principal who, std::string name, std::string reason);
    // The present traffic first. Empty when none was ever set.
    awaitable<Result<std::vector<StoredTraffic>>> history(OrganizationId organization, std::string name);

    // Tells of a prediction that the traffic brought. With a verdict, carry_out() is to be run.
    std::optional<Verdict> observe(const inference::ModelVersion& version, const Sample& sample);
    awaitable<void> carry_out(Verdict verdict);
    // There is a verdict on it: it gets nothing more, though its roll-back may still be on its way into the store.
    bool has_lost(OrganizationId organization, const std::string& model, int candidate) const {
        return contests_.has_lost(organization, model, candidate);
    }

private:
    awaitable<Result<void>> warm(OrganizationId organization, std::string name, Traffic traffic);
    awaitable<Result<int>> commit(OrganizationId organization, std::string name, TrafficChange change,
                                  json::object event);
    awaitable<void> give_back(OrganizationId organization, std::string name, Traffic before);
    bool is_needed(OrganizationId organization, const std::string& name, int version) const;
    bool can_serve(const Model& model, const Traffic& traffic) const;
    void save();

    store::Database& database_;
    Registry& registry_;
    Runner& runner_;
    const Clock& clock_;
    telemetry::Log& log_;
    Contests contests_;
    std::mutex saving_; // rows are handed over in the order in which they were taken
    async::Repeating repeating_;
    telemetry::Counter& rolled_back_;
};

} // namespace millrace::models
