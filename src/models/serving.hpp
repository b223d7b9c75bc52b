// The one way to a prediction: for jobs, for the synchronous route and for the inference protocol. Chooses the version by the
// model's traffic, answers from the fallback when that version cannot, and shows the shadow what production saw.
//   auto chosen = serving.choose(organization, "digits", std::nullopt, sticky_key);
//   auto outcome = co_await serving.predict({.chosen = *chosen, .input = std::move(input)});
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "inference/prediction.hpp"
#include "models/breakers.hpp"
#include "models/registry.hpp"
#include "models/rollout.hpp"
#include "models/runner.hpp"
#include "models/shadowing.hpp"
#include "models/traffic.hpp"
#include "models/version_stats.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::models {

// What one request meets, decided at one moment: a change of the traffic that comes later does not touch it.
struct Chosen {
    std::shared_ptr<const inference::ModelVersion> primary;
    std::shared_ptr<const inference::ModelVersion> fallback; // null: none
    std::shared_ptr<const inference::ModelVersion> shadow;   // null: none
    Side side = Side::production;
    bool by_traffic = true; // false: the caller named the version
};

struct Call {
    Chosen chosen;
    inference::Input input;
    int priority = model::default_priority;
    Monotonic deadline = Monotonic::max();
    bool raw = false;   // as in inference::Request
    bool alone = false;
};

class Serving {
public:
    // Borrows everything for its lifetime.
    Serving(Registry& registry, Runner& runner, Breakers& breakers, VersionStats& stats, Rollout& rollout, const Clock& clock,
            telemetry::Metrics& metrics);

    // A named version is taken as it is: no traffic, no fallback, no shadow. `sticky_key` decides between production and
    // candidate; an empty one is like any other, so give each request one of its own. No waiting. not_found, or unavailable for
    // a version that cannot be used.
    Result<Chosen> choose(OrganizationId organization, std::string_view model, std::optional<std::string_view> version,
                          std::string_view sticky_key) const;

    // When the fallback has answered, the result says so: "fallback":true and "fallback_reason":{"model_version","code","message"}.
    // The failure, where there is one, is the primary's own if it was asked. When the coroutine is cancelled, so is the
    // prediction. (A cache stands below: a Runner in front of the engine's.)
    awaitable<inference::Outcome> predict(Call call);

private:
    std::shared_ptr<const inference::ModelVersion> fallback_of(OrganizationId organization, const Model& model, const Chosen& chosen) const;
    // One version, its outcome counted.
    awaitable<inference::Outcome> run(Breakers::Passage passage, std::shared_ptr<const inference::ModelVersion> version, Call call);
    awaitable<inference::Outcome> run_fallback(Call call, inference::Failure why, bool refused);
    awaitable<void> judge(const inference::ModelVersion& version, Sample sample);

    Registry& registry_;
    Runner& runner_;
    Breakers& breakers_;
    VersionStats& stats_;
    Rollout& rollout_;
    const Clock& clock_;
    Shadowing shadowing_;
    telemetry::Counter& fallbacks_;
};

} // namespace millrace::models
