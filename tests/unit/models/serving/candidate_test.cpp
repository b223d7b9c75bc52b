// A candidate that gets part of the traffic: what counts against it, and how it is taken back.
#include "unit/models/serving/served.hpp"

using namespace millrace;
using namespace millrace::models;
using namespace millrace::models::test;

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
