#include "unit/models/serving/served.hpp"

using namespace millrace;
using namespace millrace::models;
using namespace millrace::models::test;

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
