// Three versions of a model and the rules that choose between them, with a runner that answers as the test wants.
#pragma once
#include "events/event_log.hpp"
#include "events/feed.hpp"
#include "models/serving.hpp"

#include "unit/models/registry_world.hpp"

#include <boost/asio/detached.hpp>

#include <map>

namespace millrace::models::test {

using inference::Failure;
using inference::FailureReason;

// Answers as the test wants it to, version by version.
class FakeRunner final : public Runner {
public:
    awaitable<inference::Outcome> predict(inference::Request request) override { co_return answer(request); }
    void start(inference::Request request, std::function<void(inference::Outcome)> done) override {
        done(answer(request));
    }
    awaitable<Result<Loaded>> load(std::shared_ptr<const inference::ModelVersion> version) override {
        loads.push_back(name_of(*version));
        if (const auto at = load_errors.find(name_of(*version)); at != load_errors.end()) co_return at->second;
        co_return Loaded::yes;
    }
    awaitable<void> unload(std::shared_ptr<const inference::ModelVersion> version) override {
        unloads.push_back(name_of(*version));
        co_return;
    }

    std::vector<std::string> loads, unloads, inputs;
    std::map<std::string, Error> load_errors;
    std::map<std::string, Failure> failures;
    std::map<std::string, std::string> refused_inputs; // by version, the bytes that it calls wrong
    std::map<std::string, std::string> labels;         // "7" unless told otherwise
    std::map<std::string, int> asked;
    bool cached = false;

private:
    static std::string name_of(const inference::ModelVersion& version) { return version.name + "/" + version.version; }
    inference::Outcome answer(const inference::Request& request) {
        const auto name = name_of(*request.model);
        ++asked[name];
        inputs.push_back(request.input.bytes);
        if (const auto at = failures.find(name); at != failures.end()) return at->second;
        if (const auto at = refused_inputs.find(name); at != refused_inputs.end() && request.input.bytes == at->second)
            return Failure{FailureReason::bad_input, "no image", false};
        inference::Prediction prediction;
        prediction.cached = cached;
        prediction.result = {{"label", labels.contains(name) ? labels[name] : "7"},
                             {"model", request.model->name},
                             {"model_version", request.model->version}};
        return prediction;
    }
};

// Versions 1, 2 and 3 of `digits`, and `small`.
struct Served {
    Served() {
        for (const char* bytes : {"one", "two", "three"}) REQUIRE(world.push("digits", bytes).has_value());
        REQUIRE(world.push("small", "small").has_value());
        open();
    }
    void open() {
        serving.reset();
        rollout.reset();
        stats.reset();
        world.open();
        stats = std::make_unique<VersionStats>(*world.database, clock(), world.log);
        rollout = std::make_unique<Rollout>(*world.database, *world.feed, *world.registry, runner, clock(), world.log,
                                            world.metrics);
        REQUIRE(rollout->load_blocking().has_value());
        REQUIRE(stats->load_blocking().has_value());
        serving =
            std::make_unique<Serving>(*world.registry, runner, breakers, *stats, *rollout, clock(), world.metrics);
    }
    static const Clock& clock() { return SystemClock::instance(); }

    Result<void> set(const char* traffic) {
        return world.run(rollout->set(world.admin, "digits", *Traffic::from_json(json::parse(traffic))));
    }
    Result<void> back() { return world.run(rollout->roll_back(world.admin, "digits", "a test")); }
    json::object traffic() const { return (*world.registry->find(world.org, "digits"))->traffic.to_json(); }
    std::string production() const { return std::string{traffic().at("production").as_string()}; }

    inference::Outcome predict(std::string key = "key", std::optional<std::string_view> version = std::nullopt) {
        auto chosen = serving->choose(world.org, "digits", version, key);
        REQUIRE(chosen.has_value());
        Call call;
        call.chosen = *chosen;
        call.input.bytes = input;
        call.measured = measured;
        return world.run(serving->predict(std::move(call)));
    }
    std::string answered_by(std::string key = "key") {
        const auto outcome = predict(std::move(key));
        if (!outcome) return std::string{word(outcome.error().reason)};
        return std::string{outcome->result.at("model").as_string()} + "/" +
               std::string{outcome->result.at("model_version").as_string()};
    }
    std::vector<events::Event> events() {
        return world.database
            ->read_blocking([this](store::SystemSession& session) -> Result<std::vector<events::Event>> {
                store::OrganizationSession tenant{session, world.org};
                return events::events_after(tenant, 0, 100);
            })
            .value();
    }
    Counts counts(int version) { return stats->total(world.org, "digits", version); }

    std::string input = "an image";
    bool measured = false;
    World world;
    FakeRunner runner;
    Breakers breakers{clock(), world.log};
    std::unique_ptr<VersionStats> stats;
    std::unique_ptr<Rollout> rollout;
    std::unique_ptr<Serving> serving;
};

inline const Failure broken{FailureReason::model_failed, "it threw", false};

} // namespace millrace::models::test
