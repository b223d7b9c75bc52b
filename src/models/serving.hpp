// The one way to a prediction: for jobs, for the synchronous route and for the inference protocol. Chooses the version
// by the model's traffic, answers from the fallback when that version cannot, and shows the shadow what production saw.
//
// What the traffic sent to a candidate and the candidate did not answer, production answers as if it had been sent
// there; and that is when the candidate is judged, see judge() in sampling.hpp. Every way in here counts: who reads an
// input against a manifest before calling predict() tells turned_down() what the candidate's manifest refuses.
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
#include "models/serving/runner.hpp"
#include "models/serving/shadowing.hpp"
#include "models/statistics/sampling.hpp"
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
    std::shared_ptr<const inference::ModelVersion>
        production; // beside a candidate: what answers where it does not; else null
    std::shared_ptr<const inference::ModelVersion>
        absent; // a candidate that cannot be used (without a manifest); production answers
    Side side = Side::production;
    bool by_traffic = true; // false: the caller named the version

    std::uint64_t max_input_bytes()
        const; // of the primary, and of production beside a candidate: what one of them takes is read
};

struct Call {
    Chosen chosen;
    inference::Input input;
    int priority = values::default_priority;
    Monotonic deadline = Monotonic::max();
    bool raw = false; // as in inference::Request
    bool alone = false;
    bool measured = false; // a measurement (`millrace model bench`): answered as any, and counted nowhere that versions
                           // are judged by
};

class Serving {
public:
    // Borrows everything for its lifetime.
    Serving(Registry& registry, Runner& runner, Breakers& breakers, VersionStats& stats, Rollout& rollout,
            const Clock& clock, telemetry::Metrics& metrics);

    // A named version is taken as it is: no traffic, no fallback, no shadow. `sticky_key` decides between production
    // and candidate; an empty one is like any other, so give each request one of its own. No waiting. not_found, or
    // unavailable for a version that cannot be used.
    Result<Chosen> choose(OrganizationId organization, std::string_view model, std::optional<std::string_view> version,
                          std::string_view sticky_key) const;

    // When another version has answered, the result says so: "fallback":true and
    // "fallback_reason":{"model_version","code","message"}. The failure, where there is one, is that of production if
    // it was asked. When the coroutine is cancelled, so is the prediction. (A cache stands below: a Runner in front of
    // the engine's.)
    awaitable<inference::Outcome> predict(Call call);

    // The candidate's manifest refuses a request that production's takes: counted as what it is, a candidate that is
    // worse. What is to be asked instead.
    awaitable<Chosen> turned_down(Chosen chosen, bool measured);

private:
    struct Ran {
        inference::Outcome outcome;
        std::chrono::nanoseconds took{};
        std::optional<Breakers::Passage>
            passage{}; // of a candidate's failure: its breaker hears of it when it is judged
    };
    struct Answered {
        inference::Outcome outcome;
        std::optional<inference::Failure> failed; // how the one that was asked first did, whoever answered
    };

    std::shared_ptr<const inference::ModelVersion> fallback_of(OrganizationId organization, const Model& model,
                                                               const inference::ModelVersion& production) const;
    awaitable<inference::Outcome> predict_on_trial(Call call);
    awaitable<Answered> predict_with_fallback(Call call, bool judged); // judged: the traffic sent it there
    // One version; its breaker has heard of it.
    awaitable<Ran> run(Breakers::Passage passage, std::shared_ptr<const inference::ModelVersion> version, Call call);
    awaitable<inference::Outcome> run_fallback(Call call, inference::Failure why, bool refused);
    void count(const inference::ModelVersion& version, const Ran& ran);
    void conclude(const asio::any_io_executor& executor, const inference::ModelVersion& candidate, Ran& ran,
                  bool refused, Judged judged);
    // Tells the roll-out; a verdict is carried out beside the answer, which does not wait for it.
    void observe(const asio::any_io_executor& executor, const inference::ModelVersion& version, Sample sample);

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
