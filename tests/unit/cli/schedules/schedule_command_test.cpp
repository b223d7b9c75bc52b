#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;

namespace {

const std::string id = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55";
const std::string nightly =
    R"({"id":")" + id +
    R"(","name":"nightly","cron":"30 2 * * *","time_zone":"Europe/Berlin","missed":"run_once","job":{"kind":"echo"},)"
    R"("created_at":"2026-01-01T00:00:00.000000Z","paused_at":null,"next_run_at":"2099-01-01T01:30:00.000000Z",)"
    R"("planned":["2099-01-01T01:30:00.000000Z","2099-01-02T01:30:00.000000Z"],"last_run_at":"2026-01-02T01:30:00.000000Z",)"
    R"("last_job_id":"j1","last_error":"the backlog is full"})";
const std::string page = R"({"data":[)" + nightly + R"(],"meta":{"next_cursor":null}})";

} // namespace

TEST_CASE("a schedule is added from options, or from a whole job") {
    FakeDaemon daemon{{answer(201, nightly)}};
    const auto outcome = ask(daemon, {"schedule", "add", "nightly", "30 2 * * *", "--zone", "Europe/Berlin", "--missed",
                                      "skip", "--kind", "echo", "--payload", R"({"a":1})", "--queue", "fast",
                                      "--priority", "7", "--tag", "site=north"});
    CHECK(outcome.code == 0);
    CHECK(outcome.out.starts_with(id + "  nightly, next 2099-01-01T01:30:00.000000Z (in "));
    CHECK(body_of(daemon.requests().at(0)) == json::value{{"name", "nightly"},
                                                          {"cron", "30 2 * * *"},
                                                          {"time_zone", "Europe/Berlin"},
                                                          {"missed", "skip"},
                                                          {"job",
                                                           {{"kind", "echo"},
                                                            {"payload", {{"a", 1}}},
                                                            {"queue", "fast"},
                                                            {"priority", 7},
                                                            {"tags", {{"site", "north"}}}}}});

    CHECK(ask(daemon, {"schedule", "add", "n", "@daily", "--job", R"({"kind":"sleep","unique_key":"k"})"}).code == 0);
    CHECK(body_of(daemon.requests().at(1)) ==
          json::value{{"name", "n"}, {"cron", "@daily"}, {"job", {{"kind", "sleep"}, {"unique_key", "k"}}}});
}

TEST_CASE("mistakes in a new schedule are found before the daemon is asked") {
    FakeDaemon daemon{{answer(201, nightly)}};
    for (const auto& rest : std::vector<std::vector<std::string>>{{"@daily"},
                                                                  {"@daily", "--kind", "echo", "--missed", "never"},
                                                                  {"@daily", "--kind", "echo", "--job", "{}"},
                                                                  {"@daily", "--job", "{"},
                                                                  {"@daily", "--kind", "echo", "--payload", "{"}}) {
        std::vector<std::string> all{"schedule", "add", "nightly"};
        all.insert(all.end(), rest.begin(), rest.end());
        CHECK(ask(daemon, all).code == 2);
    }
    CHECK(daemon.requests().empty());
}

TEST_CASE("a schedule is found by its name, or directly by its id") {
    FakeDaemon daemon{{answer(200, page), answer(200, nightly), answer(200, nightly)}};
    const auto outcome = ask(daemon, {"schedule", "show", "nightly"});
    CHECK(outcome.code == 0);
    CHECK(contains(outcome.out, "cron     30 2 * * * in Europe/Berlin\n"));
    CHECK(contains(outcome.out, "planned  2099-01-02T01:30:00.000000Z (in "));
    CHECK(contains(outcome.out, "refused  the backlog is full\n"));
    CHECK(daemon.requests().at(0).starts_with("GET /api/v1/schedules?name=nightly HTTP/1.1"));
    CHECK(daemon.requests().at(1).starts_with("GET /api/v1/schedules/" + id + " HTTP/1.1"));
    CHECK(ask(daemon, {"schedule", "show", id, "--json"}).out == nightly + "\n");
    CHECK(daemon.requests().at(2).starts_with("GET /api/v1/schedules/" + id + " HTTP/1.1"));
}

TEST_CASE("a name that no schedule has is exit 1 with where to look") {
    FakeDaemon daemon{{answer(200, R"({"data":[],"meta":{"next_cursor":null}})")}};
    const auto outcome = ask(daemon, {"schedule", "remove", "weekly"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "there is no schedule \"weekly\"; `millrace schedule list`"));
}

TEST_CASE("schedules are listed with when they run next and why one was refused") {
    FakeDaemon daemon{{answer(200, page), answer(200, R"({"data":[],"meta":{"next_cursor":null}})")}};
    const auto outcome = ask(daemon, {"schedule", "list"});
    CHECK(contains(outcome.out, "nightly"));
    CHECK(contains(outcome.out, "refused"));
    CHECK(contains(outcome.out, "the backlog is full"));
    CHECK(contains(ask(daemon, {"schedule", "list"}).err, "no schedules yet: millrace schedule add"));
}

TEST_CASE("pause, resume, run and remove are one call each") {
    std::string paused = nightly;
    paused.replace(paused.find("\"paused_at\":null"), 16, "\"paused_at\":\"2026-01-03T00:00:00.000000Z\"");
    FakeDaemon daemon{{answer(200, paused), answer(200, nightly),
                       answer(202, R"({"id":"j2","state":"queued","queue":"default"})"), answer(204, "")}};
    CHECK(ask(daemon, {"schedule", "pause", id}).out == id + "  paused\n");
    CHECK(ask(daemon, {"schedule", "resume", id}).out == id + "  refused\n");
    CHECK(ask(daemon, {"schedule", "run", id}).out == "j2  queued\n");
    CHECK(ask(daemon, {"schedule", "remove", id}).out == id + "  removed\n");
    const auto requests = daemon.requests();
    CHECK(requests.at(0).starts_with("POST /api/v1/schedules/" + id + "/pause HTTP/1.1"));
    CHECK(requests.at(1).starts_with("POST /api/v1/schedules/" + id + "/resume HTTP/1.1"));
    CHECK(requests.at(2).starts_with("POST /api/v1/schedules/" + id + "/run HTTP/1.1"));
    CHECK(requests.at(3).starts_with("DELETE /api/v1/schedules/" + id + " HTTP/1.1"));
}

TEST_CASE("help of the schedule commands has examples") {
    FakeDaemon daemon{{}};
    for (const auto* name : {"list", "add", "show", "pause", "resume", "run", "remove"}) {
        const auto outcome = ask(daemon, {"schedule", name, "--help"});
        CHECK(outcome.code == 0);
        CHECK(contains(outcome.out, "Examples:\n  millrace schedule"));
    }
}
