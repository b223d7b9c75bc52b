#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;

namespace {

const std::string present = R"({"production":"3","candidate":null,"shadow":null,"fallback":null,
    "rollback":{"min_samples":100,"max_error_rate_increase":0.05,"max_latency_ratio":2},"history":[]})";
const std::string split =
    R"({"production":"3","candidate":{"version":"4","percent":10},"shadow":"5","fallback":{"model":"small","version":"1"},
    "rollback":{"min_samples":100,"max_error_rate_increase":0.05,"max_latency_ratio":2},"history":[{"revision":2,"traffic":
    {"production":"3","candidate":null,"shadow":null,"fallback":{"model":"small","version":null}},"set_by":"anna","set_at":"2020-01-02T03:04:05.000000Z",
    "reason":"it was slow","returned_to":1}]})";

} // namespace

TEST_CASE("model traffic without options shows it, with its history") {
    FakeDaemon daemon{{answer(200, split)}};
    const auto outcome = ask(daemon, {"model", "traffic", "digits"});
    CHECK(outcome.code == 0);
    CHECK(first_line(daemon.requests().at(0)) == "GET /api/v1/models/digits/traffic");
    CHECK(contains(outcome.out, "digits: production 3, candidate 4 with 10%, shadow 5, fallback small/1"));
    CHECK(contains(outcome.out, "after 100 predictions, 5.0% more of them fail or they take 2 times as long"));
    CHECK(contains(outcome.out, "production 3, fallback small  it was slow"));
}

TEST_CASE("model traffic sets what is named, keeps production and switches the rest off") {
    FakeDaemon daemon{{answer(200, present), answer(200, split)}};
    const auto outcome =
        ask(daemon, {"model", "traffic", "digits", "--candidate", "4", "--percent", "10", "--max-error-increase", "1"});
    CHECK(outcome.code == 0);
    CHECK(first_line(daemon.requests().at(1)) == "PUT /api/v1/models/digits/traffic");
    CHECK(
        body_of(daemon.requests().at(1)) ==
        json::parse(
            R"({"production":"3","candidate":{"version":"4","percent":10},"rollback":{"max_error_rate_increase":0.01}})"));
}

TEST_CASE("model traffic takes a production version, a fallback and no roll-back") {
    FakeDaemon daemon{{answer(200, split)}};
    const auto outcome = ask(daemon, {"model", "traffic", "digits", "--production", "4", "--fallback", "small/1",
                                      "--shadow", "5", "--no-rollback"});
    CHECK(outcome.code == 0);
    CHECK(
        body_of(daemon.requests().at(0)) ==
        json::parse(R"({"production":"4","shadow":"5","fallback":{"model":"small","version":"1"},"rollback":false})"));
}

TEST_CASE("a candidate needs its share, and feedback one word") {
    for (const auto& wrong :
         std::vector<std::vector<std::string>>{{"model", "traffic", "digits", "--candidate", "4"},
                                               {"model", "traffic", "digits", "--percent", "4"},
                                               {"model", "traffic", "digits", "--candidate", "4", "--percent", "101"},
                                               {"model", "feedback", "j1"},
                                               {"model", "feedback", "j1", "7", "--wrong"},
                                               {"model", "feedback", "j1", "--correct", "--wrong"}})
        CHECK_MESSAGE(command(wrong).code == 2, wrong.back());
}

TEST_CASE("model rollback and feedback say what was done") {
    FakeDaemon daemon{{answer(200, present), answer(200, R"({"model":"digits","model_version":"3","correct":false})")}};
    const auto back = ask(daemon, {"model", "rollback", "digits", "--reason", "slow"});
    CHECK(back.code == 0);
    CHECK(contains(back.out, "digits: production 3"));
    CHECK(first_line(daemon.requests().at(0)) == "POST /api/v1/models/digits/rollback");
    CHECK(body_of(daemon.requests().at(0)) == json::parse(R"({"reason":"slow"})"));
    const auto word = ask(daemon, {"model", "feedback", "j1", "7"});
    CHECK(contains(word.out, "digits/3 was wrong"));
    CHECK(body_of(daemon.requests().at(1)) == json::parse(R"({"actual":"7"})"));
}

TEST_CASE("model compare is a table of versions, and one of labels") {
    const std::string version =
        R"({"version":"3","role":"production","predictions":40,"errors":1,"error_rate":0.025,"fallbacks":0,
        "latency_ms":{"mean":1.5,"p50":1.25,"p95":3,"p99":4},"own_ms":{},"labels":{"7":30,"1":10},"other_labels":0,
        "shadow":{"compared":0,"agreed":0,"agreement":null},"feedback":{"count":4,"correct":3,"accuracy":0.75},"breaker":"closed"})";
    FakeDaemon daemon{
        {answer(200, R"({"model":"digits","since":"2020-01-02T03:04:05.000000Z","versions":[)" + version + "]}")}};
    const auto outcome = ask(daemon, {"model", "compare", "digits"});
    CHECK(outcome.code == 0);
    for (const char* part : {"digits/3", "production", "40", "2.5%", "1.25", "75.0%", "LABEL", "VERSION 3", "25.0%"})
        CHECK_MESSAGE(contains(outcome.out, part), part);
}
