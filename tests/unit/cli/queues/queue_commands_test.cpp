// The commands of queues and dead letters: what they ask of the daemon, and what of its answers people see.
#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;

namespace {

const std::string mail =
    R"({"name":"mail","settings":{"external":false,"breaker":true,"concurrency":4,"rate":2.5,"max_attempts":3,)"
    R"("retry":{"backoff":"list","first_seconds":1,"factor":2,"jitter":0.2,"delays_seconds":[60,600],"never":["bad_input"]}},)"
    R"("paused":true,"pause":{"since":"2026-01-01T00:00:00Z","until":"2099-01-01T00:00:00Z","reason":"the relay\u001b[31m is down","actor":"me"},)"
    R"("depth":7,"queued":4,"running":1,"scheduled":2,"blocked":1,"oldest_age_seconds":12.4,"mean_run_seconds":0.5,)"
    R"("rates":{"started_per_second":1.25,"finished_per_second":1},"ended":{"succeeded":10,"dead":2,"cancelled":0,"expired":0},)"
    R"("breaker":{"state":"open","attempts":14,"failures":9,"reopens_in_seconds":5}})";
const std::string page =
    R"({"data":[)" + mail +
    R"(,{"name":"print","settings":{"external":true},"pause":null,"depth":0,"running":0,"oldest_age_seconds":0,)"
    R"("rates":{},"breaker":{"state":"half_open"}}],"meta":{"next_cursor":null}})";

} // namespace

TEST_CASE("queues are a table with what holds them back, safe on a terminal") {
    FakeDaemon daemon{{answer(200, page)}};
    const auto outcome = ask(daemon, {"queue", "list"});
    CHECK(outcome.code == 0);
    std::istringstream lines{outcome.out};
    std::string head, first, second;
    std::getline(lines, head);
    std::getline(lines, first);
    std::getline(lines, second);
    CHECK(head == "QUEUE  DEPTH  RUNNING  OLDEST  BEGUN/S  DONE/S  LIMITS            NOTE");
    CHECK(first.starts_with("mail       7        1    12 s      1.2     1.0  4 at once, 2.5/s  paused: the relay?[31m "
                            "is down (resumes in "));
    CHECK(second == "print      0        0       -      0.0     0.0  external          breaker half_open");
}

TEST_CASE("a queue is shown with its settings, a line each") {
    FakeDaemon daemon{{answer(200, mail)}};
    const auto outcome = ask(daemon, {"queue", "show", "ma il"});
    CHECK(first_line(daemon.requests().at(0)) == "GET /api/v1/queues/ma%20il");
    for (const auto* line :
         {"depth           7: 4 queued, 2 scheduled, 1 blocked\n", "oldest          waits for 12 s\n",
          "runs            0.50 s on average\n", "ended           10 succeeded, 2 dead, 0 cancelled, 0 expired\n",
          "failures        breaker open, 9 of 14 attempts failed lately, tries again in 5.00 s\n",
          "paused          2026-01-01T00:00:00Z by me: the relay?[31m is down\n",
          "resumes         2099-01-01T00:00:00Z\n", "concurrency     4\n",
          "retry           list 60 s, 600 s, ±20%, never after bad_input\n"}) {
        CAPTURE(line);
        CAPTURE(outcome.out);
        CHECK(contains(outcome.out, line));
    }
}

TEST_CASE("setting one thing of a queue keeps the others") {
    FakeDaemon daemon{{answer(200, mail), answer(200, mail)}};
    CHECK(ask(daemon, {"queue", "set", "mail", "--concurrency", "9", "--external", "true", "--unset", "rate", "--unset",
                       "retry"})
              .code == 0);
    CHECK(first_line(daemon.requests().at(1)) == "PUT /api/v1/queues/mail");
    CHECK(body_of(daemon.requests().at(1)) ==
          json::value{{"external", true}, {"breaker", true}, {"concurrency", 9}, {"max_attempts", 3}});
}

TEST_CASE("setting a queue that is not there makes it") {
    FakeDaemon daemon{{answer(404, R"({"title":"Not found","detail":"no such queue"})", "application/problem+json"),
                       answer(200, mail)}};
    CHECK(ask(daemon, {"queue", "set", "new", "--retry", "1,2", "--rate", "0.5"}).code == 0);
    CHECK(body_of(daemon.requests().at(1)) ==
          json::value{{"rate", 0.5}, {"retry", {{"backoff", "list"}, {"delays_seconds", {1, 2}}}}});
}

TEST_CASE("setting nothing is wrong usage, and so is a value out of its range") {
    CHECK(command({"queue", "set", "mail"}).err == "error: nothing to set; see: millrace queue set --help\n");
    CHECK(command({"queue", "set", "mail"}).code == 2);
    CHECK(command({"queue", "set", "mail", "--priority", "10"}).code == 2);
    CHECK(command({"queue", "set", "mail", "--external", "perhaps"}).code == 2);
    CHECK(command({"queue", "pause", "mail"}).code == 2); // a reason is asked for
}

TEST_CASE("a pause carries its reason and its end, a resume nothing") {
    FakeDaemon daemon{{answer(200, mail)}};
    ask(daemon, {"queue", "pause", "mail", "--reason", "it's down", "--until", "2099-01-01T00:00:00Z"});
    ask(daemon, {"queue", "resume", "mail"});
    CHECK(body_of(daemon.requests().at(0)) == json::value{{"reason", "it's down"}, {"until", "2099-01-01T00:00:00Z"}});
    CHECK(first_line(daemon.requests().at(1)) == "POST /api/v1/queues/mail/resume");
}

TEST_CASE("dead letters are chosen by ids, by filters, or all of them by name of it") {
    FakeDaemon daemon{{answer(200, R"({"count":2,"dry_run":true})"), answer(200, R"({"count":1,"dry_run":false})")}};
    CHECK(
        ask(daemon, {"dlq", "replay", "--queue", "mail", "--kind", "echo", "--error-code", "timed_out", "--tag", "a=b",
                     "--died-after", "2026-01-01T00:00:00Z", "--died-before", "2026-02-01T00:00:00Z", "--dry-run"})
            .out == "2 dead letters would be put back in line\n");
    CHECK(first_line(daemon.requests().at(0)) == "POST /api/v1/dead-letters/replay");
    CHECK(body_of(daemon.requests().at(0)) == json::value{{"filter",
                                                           {{"kind", "echo"},
                                                            {"queue", "mail"},
                                                            {"error_code", "timed_out"},
                                                            {"tag", "a=b"},
                                                            {"died_after", "2026-01-01T00:00:00Z"},
                                                            {"died_before", "2026-02-01T00:00:00Z"}}},
                                                          {"dry_run", true}});
    CHECK(ask(daemon, {"dlq", "replay", "j1", "j2", "--payload", "[1]", "--rate", "20"}).out ==
          "1 dead letter put back in line\n");
    CHECK(body_of(daemon.requests().at(1)) == json::value{{"filter", {{"ids", {"j1", "j2"}}}},
                                                          {"dry_run", false},
                                                          {"payload", json::array{1}},
                                                          {"rate_per_second", 20}});
    ask(daemon, {"dlq", "replay", "--all"});
    CHECK(body_of(daemon.requests().at(2)) == json::value{{"filter", json::object{}}, {"dry_run", false}});
    CHECK(ask(daemon, {"dlq", "replay"}).code == 2);
    CHECK(ask(daemon, {"dlq", "replay", "--all", "--queue", "mail"}).code == 2);
    CHECK(daemon.requests().size() == 3);
}

TEST_CASE("deleting dead letters is asked for twice, unless --yes says it") {
    FakeDaemon daemon{{answer(200, R"({"count":3,"dry_run":true})"), answer(200, R"({"count":3,"dry_run":false})")}};
    CHECK(ask(daemon, {"dlq", "purge", "--all"}).code == 2); // nobody is there to be asked
    CHECK(daemon.requests().empty());
    std::istringstream yes{"y\n"}, no{"\n"};
    auto outcome = ask(daemon, {"dlq", "purge", "--all"}, 80, &yes);
    CHECK(outcome.code == 0);
    CHECK(outcome.err == "Delete 3 dead letters for good? [y/N] ");
    CHECK(outcome.out == "3 dead letters deleted\n");
    CHECK(body_of(daemon.requests().at(0)).at("dry_run") == json::value(true));
    CHECK(body_of(daemon.requests().at(1)).at("dry_run") == json::value(false));
    outcome = ask(daemon, {"dlq", "purge", "--all"}, 80, &no);
    CHECK(outcome.code == 1);
    CHECK(daemon.requests().size() == 3); // counted, and no more
    CHECK(ask(daemon, {"dlq", "purge", "--queue", "mail", "--yes"}).code == 0);
    CHECK(daemon.requests().size() == 4);
}

TEST_CASE("a job that is not dead is no dead letter") {
    FakeDaemon daemon{{answer(200, R"({"id":"j1","state":"succeeded"})")}};
    const auto outcome = ask(daemon, {"dlq", "show", "j1"});
    CHECK(outcome.code == 1);
    CHECK(outcome.err == "error: job j1 is no dead letter: it is succeeded\n");
}
