#include "events/event_log.hpp"
#include "events/feed.hpp"
#include "models/serving.hpp"

#include "unit/models/registry_world.hpp"

#include <boost/asio/detached.hpp>

#include <map>

using namespace millrace;
using namespace millrace::models;
using inference::Failure;
using inference::FailureReason;

namespace {

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

const Failure broken{FailureReason::model_failed, "it threw", false};

} // namespace

TEST_CASE("the first version answers until somebody says otherwise") {
    Served served;
    CHECK(served.answered_by() == "digits/1");
    REQUIRE(served.set(R"({"production":"2"})").has_value());
    CHECK(served.answered_by() == "digits/2");
    CHECK(served.predict("key", "3")->result.at("model_version") == "3");
    served.open(); // a restart
    CHECK(served.answered_by() == "digits/2");
    CHECK(served.predict("key", "1")->result.at("model_version") == "1");
}

TEST_CASE("the traffic is split by key, and a named version passes it by") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":30}})").has_value());
    int candidate = 0;
    for (int i = 0; i < 300; ++i) {
        const auto key = std::to_string(i);
        const auto who = served.answered_by(key);
        CHECK(served.answered_by(key) == who);
        candidate += who == "digits/2";
    }
    CHECK(candidate > 60);
    CHECK(candidate < 120);
    for (int i = 0; i < 20; ++i) CHECK(served.predict(std::to_string(i), "3")->result.at("model_version") == "3");
}

TEST_CASE("a version is loaded before it gets traffic, and one that does not load gets none") {
    Served served;
    served.runner.load_errors.emplace("digits/3", Error{Code::unprocessable, "it has no forward()"});
    const auto refused = served.set(R"({"production":"2","candidate":{"version":"3","percent":10}})");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::conflict);
    CHECK(refused.error().detail.find("no forward()") != std::string::npos);
    CHECK(served.production() == "1");
    CHECK(served.world.run(served.rollout->history(served.world.org, "digits"))->empty());
    CHECK(served.runner.unloads.empty());

    REQUIRE(served.set(R"({"production":"2","shadow":"1","fallback":{"model":"small"}})").has_value());
    CHECK(served.runner.loads == std::vector<std::string>{"digits/2", "digits/3", "digits/1", "digits/2", "small/1"});
}

TEST_CASE("a version that nobody names any more gives its memory back") {
    Served served;
    REQUIRE(served.set(R"({"production":"2","candidate":{"version":"3","percent":10}})").has_value());
    CHECK(served.runner.unloads == std::vector<std::string>{"digits/1"});
    REQUIRE(served.set(R"({"production":"3","fallback":{"model":"digits","version":"2"}})").has_value());
    CHECK(served.runner.unloads == std::vector<std::string>{"digits/1"});
    REQUIRE(served.set(R"({"production":"3"})").has_value());
    CHECK(served.runner.unloads ==
          std::vector<std::string>{"digits/1"}); // 2 was only a fallback: it goes when there is need of room
}

TEST_CASE("what is not there is refused") {
    Served served;
    for (const char* bad : {R"({"production":"9"})", R"({"production":"1","candidate":{"version":"9","percent":1}})",
                            R"({"production":"1","shadow":"9"})", R"({"production":"1","fallback":{"model":"none"}})",
                            R"({"production":"1","fallback":{"model":"small","version":"2"}})",
                            R"({"production":"1","fallback":{"model":"digits"}})",
                            R"({"production":"1","fallback":{"model":"digits","version":"1"}})"}) {
        CAPTURE(bad);
        const auto refused = served.set(bad);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::unprocessable);
    }
    const auto nobody = served.world.run(
        served.rollout->set(served.world.admin, "none", *Traffic::from_json(json::parse(R"({"production":"1"})"))));
    CHECK(nobody.error().code == Code::not_found);
}

TEST_CASE("the fallback answers when production fails, and says why") {
    Served served;
    REQUIRE(served.set(R"({"production":"2","fallback":{"model":"small"}})").has_value());
    served.runner.failures.emplace("digits/2", broken);
    const auto outcome = served.predict();
    REQUIRE(outcome.has_value());
    CHECK(outcome->result.at("model") == "small");
    CHECK(outcome->result.at("fallback") == true);
    CHECK(outcome->result.at("fallback_reason").at("code") == "model_failed");
    CHECK(outcome->result.at("fallback_reason").at("message") == "it threw");
    CHECK(outcome->result.at("fallback_reason").at("model_version") == "2");
    CHECK(served.counts(2).errors == 1);
    CHECK(served.counts(2).fallbacks == 1);
    CHECK(served.runner.inputs.back() == "an image");

    SUBCASE("one step and no further") {
        served.runner.failures.emplace("small/1", Failure{FailureReason::timed_out, "slow", false});
        CHECK(served.answered_by() == "model_failed"); // the primary's own
        CHECK(served.runner.asked["small/1"] == 2);
    }
    SUBCASE("a wrong input is nobody's failure") {
        served.runner.failures.insert_or_assign("digits/2", Failure{FailureReason::bad_input, "no image", false});
        CHECK(served.answered_by() == "bad_input");
        CHECK(served.runner.asked["small/1"] == 1);
        CHECK(served.counts(2).predictions == 1);
    }
    SUBCASE("a named version has no fallback") {
        const auto named = served.predict("key", "2");
        REQUIRE_FALSE(named.has_value());
        CHECK(named.error().message == "it threw");
    }
    SUBCASE("an open breaker spares the primary") {
        for (int i = 0; i < 20; ++i) CHECK(served.answered_by() == "small/1");
        CHECK(served.runner.asked["digits/2"] == 10);
        const auto spared = served.predict();
        CHECK(spared->result.at("fallback_reason").at("code") == "unavailable");
    }
}

TEST_CASE("a failing model without a fallback is asked each time") {
    Served served;
    served.runner.failures.emplace("digits/1", broken);
    for (int i = 0; i < 20; ++i) CHECK(served.answered_by() == "model_failed");
    CHECK(served.runner.asked["digits/1"] == 20);
    served.runner.failures.clear();
    CHECK(served.answered_by() == "digits/1");
}

TEST_CASE("a candidate's failures are not the clients', and it is taken back for them") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":50},"rollback":{"min_samples":8}})")
                .has_value());
    served.runner.failures.emplace("digits/2", broken);
    for (int i = 0; i < 60; ++i) CHECK(served.answered_by(std::to_string(i)) == "digits/1");
    CHECK(served.traffic().at("candidate").is_null());
    CHECK(served.counts(2).errors == 8);
    const auto events = served.events();
    REQUIRE(events.size() == 2);
    CHECK(events[1].type == "model.rolled_back");
    CHECK(json::parse(events[1].data).at("automatic") == true);
    const auto history = served.world.run(served.rollout->history(served.world.org, "digits"));
    CHECK(history->front().set_by == "millrace");
    CHECK(history->front().reason.find("8 of 8") != std::string::npos);
    served.open();
    CHECK(served.traffic().at("candidate").is_null());
}

TEST_CASE("a candidate whose breaker is open is judged by what it refuses") {
    // The breaker opens after ten failures: what it refuses counts on, and min_samples is reached.
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":50},"rollback":{"min_samples":40}})")
                .has_value());
    served.runner.failures.emplace("digits/2", broken);
    int routed = 0;
    for (int i = 0; i < 300 && !served.traffic().at("candidate").is_null(); ++i) {
        routed += served.serving->choose(served.world.org, "digits", std::nullopt, std::to_string(i))->side ==
                  Side::candidate;
        CHECK(served.answered_by(std::to_string(i)) == "digits/1");
    }
    CHECK(served.traffic().at("candidate").is_null());
    CHECK(routed == 40);
    const auto counts = served.counts(2);
    CHECK(counts.predictions == 40); // everything that was routed to it
    CHECK(counts.errors == 40);
    CHECK(counts.refused == 30);
    CHECK(counts.fallbacks == 40);
    CHECK(served.runner.asked["digits/2"] == 10);
}

TEST_CASE("whatever keeps a candidate from answering what production answers counts against it") {
    for (const auto reason : {FailureReason::model_failed, FailureReason::timed_out, FailureReason::worker_lost,
                              FailureReason::unavailable}) {
        CAPTURE(word(reason));
        Served served;
        REQUIRE(
            served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"rollback":{"min_samples":5}})")
                .has_value());
        served.runner.failures.insert_or_assign("digits/2", Failure{reason, "not today", false});
        for (int i = 0; i < 5; ++i) {
            const auto outcome = served.predict(std::to_string(i));
            REQUIRE(outcome.has_value());
            CHECK(outcome->result.at("model_version") == "1");
            CHECK(outcome->result.at("fallback_reason").at("model_version") == "2");
            CHECK(outcome->result.at("fallback_reason").at("code") == json::value(word(reason)));
        }
        CHECK(served.traffic().at("candidate").is_null());
        CHECK(served.counts(2).predictions == 5);
        CHECK(served.counts(2).errors == 5);
    }
}

TEST_CASE("what fails with production in the same way says nothing of a candidate") {
    for (const auto reason : {FailureReason::model_failed, FailureReason::timed_out, FailureReason::unavailable}) {
        CAPTURE(word(reason));
        Served served;
        REQUIRE(
            served.set(R"({"production":"1","candidate":{"version":"2","percent":50},"rollback":{"min_samples":5}})")
                .has_value());
        for (const char* version : {"digits/1", "digits/2"})
            served.runner.failures.insert_or_assign(version, Failure{reason, "not today", false});
        for (int i = 0; i < 9; ++i) CHECK(served.answered_by(std::to_string(i)) == word(reason));
        CHECK_FALSE(served.traffic().at("candidate").is_null());
    }
}

TEST_CASE("a wrong input is nobody's fault, and one that production takes is none") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"rollback":{"min_samples":5}})")
                .has_value());
    served.runner.refused_inputs["digits/2"] = served.runner.refused_inputs["digits/1"] = "no image";
    served.input = "no image";
    for (int i = 0; i < 20; ++i) CHECK(served.answered_by(std::to_string(i)) == "bad_input");
    CHECK_FALSE(served.traffic().at("candidate").is_null());
    CHECK(served.counts(2).predictions == 0);
    CHECK(served.counts(2).bad_inputs == 20);
    served.runner.refused_inputs.erase("digits/1");
    for (int i = 0; i < 5; ++i) CHECK(served.answered_by(std::to_string(i)) == "digits/1");
    CHECK(served.traffic().at("candidate").is_null());
    CHECK(served.counts(2).errors == 5);
}

TEST_CASE("what a candidate's manifest refuses before it is asked counts, too") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"rollback":{"min_samples":5}})")
                .has_value());
    for (int i = 0; i < 5; ++i) {
        auto chosen = served.serving->choose(served.world.org, "digits", std::nullopt, std::to_string(i));
        REQUIRE(chosen.has_value());
        CHECK(chosen->primary->version == "2");
        const auto instead = served.world.run(served.serving->turned_down(std::move(*chosen), false));
        CHECK(instead.primary->version == "1");
    }
    CHECK(served.traffic().at("candidate").is_null());
}

TEST_CASE("a candidate gets nothing more from the verdict on") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"rollback":{"min_samples":3}})")
                .has_value());
    served.runner.failures.emplace("digits/2", broken);
    for (int i = 0; i < 2; ++i) served.predict(std::to_string(i));
    const auto before = served.serving->choose(served.world.org, "digits", std::nullopt, "key");
    CHECK(before->side == Side::candidate);
    served.predict("key");
    CHECK(served.serving->choose(served.world.org, "digits", std::nullopt, "key")->side == Side::production);
}

TEST_CASE("where production fails as well as its candidate, production's fallback answers") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"fallback":{"model":"small"}})")
                .has_value());
    served.runner.failures.emplace("digits/2", broken);
    CHECK(served.answered_by() == "digits/1");
    served.runner.failures.emplace("digits/1", broken);
    CHECK(served.answered_by() == "small/1");
}

TEST_CASE("a measurement counts nowhere") {
    Served served;
    REQUIRE(
        served
            .set(
                R"({"production":"1","candidate":{"version":"2","percent":50},"shadow":"3","rollback":{"min_samples":5}})")
            .has_value());
    served.measured = true;
    served.runner.failures.emplace("digits/2", broken);
    for (int i = 0; i < 60; ++i) CHECK(served.answered_by(std::to_string(i)) == "digits/1");
    CHECK_FALSE(served.traffic().at("candidate").is_null());
    for (const int version : {1, 2, 3}) CHECK(served.counts(version).predictions == 0);
    CHECK(served.runner.asked["digits/3"] == 0);
    CHECK(served.breakers.view(served.world.org, "digits", "2").attempts == 0);
}

TEST_CASE("a restart keeps the judgement") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"rollback":{"min_samples":30}})")
                .has_value());
    served.runner.failures.emplace("digits/2", broken);
    for (int i = 0; i < 25; ++i) served.predict(std::to_string(i));
    SUBCASE("stopped: all of it") {
        asio::io_context context;
        served.rollout->start(context);
        served.rollout->stop();
        served.open();
        for (int i = 0; i < 5; ++i) served.predict(std::to_string(i));
        CHECK(served.traffic().at("candidate").is_null());
    }
    SUBCASE("killed: but for nineteen predictions at most") {
        served.open();
        for (int i = 0; i < 10; ++i) {
            CHECK_FALSE(served.traffic().at("candidate").is_null());
            served.predict(std::to_string(i));
        }
        CHECK(served.traffic().at("candidate").is_null());
    }
    SUBCASE("another traffic begins anew") {
        REQUIRE(
            served.set(R"({"production":"1","candidate":{"version":"2","percent":90},"rollback":{"min_samples":30}})")
                .has_value());
        served.open();
        for (int i = 0; i < 20; ++i) served.predict(std::to_string(i));
        CHECK_FALSE(served.traffic().at("candidate").is_null());
    }
}

TEST_CASE("what comes out of a cache tells nothing of how a version does") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":100},"rollback":{"min_samples":5}})")
                .has_value());
    served.runner.cached = true;
    for (int i = 0; i < 20; ++i) CHECK(served.answered_by(std::to_string(i)) == "digits/2");
    CHECK(served.counts(2).predictions == 0);
    served.runner.cached = false;
    served.runner.failures.emplace("digits/2", broken);
    for (int i = 0; i < 5; ++i) served.predict(std::to_string(i));
    CHECK(served.traffic().at("candidate").is_null()); // five of five, not five of twenty-five
}

TEST_CASE("the shadow sees what production saw, and is compared") {
    Served served;
    REQUIRE(served.set(R"({"production":"1","shadow":"2"})").has_value());
    for (int i = 0; i < 5; ++i) CHECK(served.answered_by() == "digits/1");
    CHECK(served.runner.asked["digits/2"] == 5);
    CHECK(served.counts(2).compared == 5);
    CHECK(served.counts(2).agreed == 5);
    served.runner.labels["digits/2"] = "1";
    CHECK(served.answered_by() == "digits/1");
    CHECK(served.counts(2).compared == 6);
    CHECK(served.counts(2).agreed == 5);
    served.runner.failures.emplace("digits/2", broken);
    CHECK(served.answered_by() == "digits/1");
    CHECK(served.counts(2).errors == 1);
    CHECK(served.counts(2).compared == 6);
}

TEST_CASE("a roll-back goes to what was before, and then to what was before that") {
    Served served;
    CHECK(served.back().error().code == Code::conflict);
    REQUIRE(served.set(R"({"production":"1","candidate":{"version":"2","percent":10}})").has_value());
    REQUIRE(served.set(R"({"production":"2"})").has_value());
    REQUIRE(served.set(R"({"production":"3"})").has_value());
    REQUIRE(served.back().has_value());
    CHECK(served.production() == "2");
    CHECK(served.runner.loads.back() == "digits/2");
    REQUIRE(served.back().has_value());
    CHECK(served.production() == "1");
    CHECK(served.traffic().at("candidate").at("version") == "2");
    REQUIRE(served.back().has_value());
    CHECK(served.traffic().at("candidate").is_null());
    CHECK(served.back().error().code == Code::conflict);
    CHECK(served.events().back().type == "model.rolled_back");
    CHECK(json::parse(served.events().back().data).at("automatic") == false);
}

TEST_CASE("a roll-back passes by what can serve no more") {
    Served served;
    REQUIRE(served.set(R"({"production":"2"})").has_value());
    REQUIRE(served.set(R"({"production":"3"})").has_value());
    REQUIRE(served.world.run(served.world.registry->remove(served.world.admin, "digits", "2")).has_value());
    REQUIRE(served.back().has_value());
    CHECK(served.production() == "1");
}

TEST_CASE("a version that a traffic names is not deleted") {
    Served served;
    const auto remove = [&](const char* name, const char* version) {
        return served.world.run(served.world.registry->remove(served.world.admin, name, version));
    };
    REQUIRE(
        served
            .set(
                R"({"production":"1","candidate":{"version":"2","percent":1},"shadow":"3","fallback":{"model":"small","version":"1"}})")
            .has_value());
    CHECK(remove("digits", "1").error().code == Code::conflict);
    CHECK(remove("digits", "2").error().code == Code::conflict);
    CHECK(remove("digits", "3").error().code == Code::conflict);
    CHECK(remove("small", "1").error().detail.find("digits") != std::string::npos);
    REQUIRE(served.set(R"({"production":"1","fallback":{"model":"small"}})").has_value());
    CHECK(remove("small", "1").error().code == Code::conflict);
    REQUIRE(served.set(R"({"production":"1"})").has_value());
    CHECK(remove("small", "1").has_value());
    CHECK(remove("digits", "3").has_value());
    CHECK(remove("digits", "2").has_value());
    CHECK(remove("digits", "1").has_value());
    REQUIRE(served.world.push("digits", "four").has_value()); // begins anew: nothing is left of the old traffic
    CHECK(served.production() == "4");
    CHECK(served.world.run(served.rollout->history(served.world.org, "digits"))->empty());
}

TEST_CASE("what the versions did is there after a restart") {
    Served served;
    for (int i = 0; i < 7; ++i) served.predict();
    served.runner.failures.emplace("digits/1", broken);
    served.predict();
    asio::io_context context;
    served.stats->start(context);
    served.stats->stop();
    served.open();
    CHECK(served.counts(1).predictions == 8);
    CHECK(served.counts(1).errors == 1);
    CHECK(served.counts(1).labels.at("7") == 7);
    CHECK(served.counts(1).latency.count() == 7);
}
