// Answers as people see them: jobs, flows, and the lines of `millrace top`.
#include "cli/flows/flow_view.hpp"
#include "cli/jobs/job_view.hpp"
#include "cli/jobs/job_wait.hpp"
#include "cli/service/top_view.hpp"
#include "cli/text.hpp"

#include "base/clock.hpp"
#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;

namespace {

using Lines = std::vector<std::string>;

const auto noon = *Timestamp::parse("2026-01-01T12:00:00Z");

TopData top_data(int queues = 1, int running = 1) {
    TopData data;
    data.status = json::parse(
        R"({"version":"1.0","ready":true,"uptime_seconds":5,"jobs":{"queued":3,"running":1,"scheduled":0,"blocked":2,"succeeded":9,"dead":0,)"
        R"("oldest_age_seconds":1.5,"external_leases":2,"waiting_workers":0,"rates":{"submitted_per_second":12.4,"finished_per_second":0.5}},)"
        R"("worker":{"state":"ready","device":"cpu","in_flight":1,"queued":0}})");
    json::array all, jobs;
    for (int i = 0; i < queues; ++i)
        all.push_back({{"name", "q" + std::to_string(i)},
                       {"depth", i % 2},
                       {"running", 0},
                       {"oldest_age_seconds", 0},
                       {"breaker", {{"state", "closed"}}}});
    for (int i = 0; i < running; ++i)
        jobs.push_back({{"id", "j" + std::to_string(i)},
                        {"kind", "sleep"},
                        {"queue", "q0"},
                        {"attempt", 1},
                        {"max_attempts", 4},
                        {"progress_percent", 40},
                        {"started_at", "2026-01-01T11:59:30Z"}});
    data.queues = {{"data", all}};
    data.running = {{"data", jobs}};
    return data;
}

std::string first_with(const Lines& lines, std::string_view text) {
    const auto found = std::find_if(lines.begin(), lines.end(),
                                    [&](const auto& line) { return line.find(text) != std::string::npos; });
    return found == lines.end() ? "" : *found;
}

std::string printed(void (*print)(Context&, const json::value&), const std::string& text) {
    std::ostringstream out, err;
    Context context{out, err};
    print(context, json::parse(text));
    return out.str() + err.str();
}

} // namespace

TEST_CASE("the outlook of a job says where it stands and how long it may take") {
    const auto text = [](const char* job, const char* result) {
        return outlook_text(json::parse(job), json::parse(result), noon);
    };
    CHECK(text(R"({"state":"queued"})", R"({"position":3,"estimated_seconds_remaining":90})") ==
          "queued, 3 before it, about 90 s left");
    CHECK(text(R"({"state":"running"})", R"({"progress_percent":45,"estimated_seconds_remaining":0.2})") ==
          "running, about 1.00 s left");
    CHECK(text(R"({"state":"blocked","blocked_by":2})", R"({"position":null})") == "blocked, waits for 2 others");
    CHECK(text(R"({"state":"blocked","blocked_by":1})", "{}") == "blocked, waits for 1 other");
    CHECK(text(R"({"state":"scheduled","run_at":"2026-01-01T14:00:00Z"})", R"({"position":0})") ==
          "scheduled, due in 2 h");
}

TEST_CASE("a job is shown with its ties, its plans and its attempts") {
    const auto text = printed(
        print_job,
        R"({"id":"j","kind":"echo","queue":"mail","priority":7,"state":"scheduled","attempt":1,"max_attempts":4,)"
        R"("created_at":"2026-01-01T00:00:00Z","run_at":"2099-01-01T00:00:00Z","deadline_at":"2099-01-02T00:00:00Z",)"
        R"("unique_key":"u","flow":{"id":"f","ref":"b"},"depends_on":[{"job":"p","on_failure":"ignore"}],"planned_retries":[2,4],)"
        R"("payload":{"text":"\u001b[2J"},"tags":{"site":"north"},"error":{"code":"timed_out","message":"too slow"},)"
        R"("attempts":[{"attempt":1,"started_at":"2026-01-01T00:00:01Z","ended_at":"2026-01-01T00:00:03Z","outcome":"failed",)"
        R"("error":{"code":"timed_out","message":"too slow"}}],"timeline":[{"at":"2026-01-01T00:00:00Z","event":"submitted"}]})");
    for (const auto* line :
         {"queue     mail, priority 7\n", "state     scheduled, attempt 1 of 4\n", "deadline  2099-01-02T00:00:00Z\n",
          "unique    u\n", "flow      f, as b\n", "after     p (ignore)\n", "retries   2.00 s, 4.00 s\n",
          "runs at   2099-01-01T00:00:00Z\n", "error     timed_out: too slow\n", "tag       site=north\n",
          "      1  2026-01-01T00:00:01Z  2.00 s  failed   timed_out: too slow\n",
          "2026-01-01T00:00:00Z  submitted\n"}) {
        CAPTURE(line);
        CHECK(contains(text, line));
    }
    CHECK_FALSE(contains(text, "\x1b"));
}

TEST_CASE("a flow is a tree: a job of several parents stands below the first, a callback at the end") {
    const auto flow = json::parse(
        R"({"nodes":[{"id":"1","ref":"a","kind":"echo","state":"succeeded"},{"id":"2","ref":"b","kind":"sleep","state":"running","progress_percent":40},)"
        R"({"id":"3","ref":"c","kind":"echo","state":"dead"},{"id":"4","ref":"d","kind":"echo","state":"blocked"},)"
        R"({"id":"5","ref":"callback","kind":"echo","state":"blocked","callback":true}],)"
        R"("edges":[{"from":"1","to":"2","on_failure":"fail"},{"from":"1","to":"3","on_failure":"fail"},{"from":"2","to":"4","on_failure":"fail"},)"
        R"({"from":"3","to":"4","on_failure":"ignore"},{"from":"4","to":"5","on_failure":"ignore"}]})");
    CHECK(flow_tree(flow) == Lines{"✓ a  echo  succeeded  1", "  ▶ b  sleep  running 40%  2",
                                   "    · d  echo  blocked  4", "  ✗ c  echo  dead  3",
                                   "    ↑ d, above  (on failure: ignore)", "· callback  echo  blocked  5"});
    CHECK(flow_tree(json::parse("{}")).empty());
    CHECK(progress_text(
              json::parse(R"({"progress_percent":50,"counts":{"jobs":4,"succeeded":1,"failed":1,"open":2}})")) ==
          "50% · 4 jobs, 1 succeeded, 1 failed, 2 open");
}

TEST_CASE("a flow that is waited for is shown at its end, and is exit 1 when a job of it failed") {
    const std::string running =
        R"({"id":"f","state":"running","progress_percent":0,"counts":{"jobs":1,"succeeded":0,"failed":0,"open":1}})";
    const auto ended = [](const char* state) {
        return answer(200, std::string{R"({"id":"f","state":")"} + state + R"(","nodes":[],"edges":[]})");
    };
    FakeDaemon good{{answer(200, running), ended("succeeded")}};
    auto outcome = ask(good, {"flow", "wait", "f"});
    CHECK(outcome.code == 0);
    CHECK(contains(outcome.out, "state     succeeded\n"));
    FakeDaemon bad{{answer(201, running), ended("failed")}};
    outcome = ask(bad, {"flow", "submit", "/dev/null", "--wait"});
    CHECK(outcome.code == 2); // no document
    outcome = ask(bad, {"flow", "wait", "f", "--json"});
    CHECK(outcome.code == 1);
    CHECK(json::parse(outcome.out).at("state") == json::value("failed"));
    FakeDaemon slow{{answer(200, running)}};
    outcome = ask(slow, {"flow", "wait", "f", "--for", "0.05"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "is still running after"));
}

TEST_CASE("top shows the whole daemon, and busy queues before idle ones") {
    const auto lines = top_lines(top_data(3), 0, 0, noon);
    CHECK(lines[0] == "millrace 1.0 · ready · up 5.00 s · 2026-01-01T12:00:00Z");
    CHECK(lines[1] == "jobs     3 queued · 1 running · 0 scheduled · 2 blocked · oldest 1.50 s");
    CHECK(lines[2] == "rates    12/s in · 0.5/s done · 9 succeeded · 0 dead");
    CHECK(lines[3] == "worker   ready · cpu · 1 in flight · 0 queued · external: 2 leases, 0 workers wait");
    CHECK(lines[6].starts_with("q1 "));
    CHECK(first_with(lines, "j0") == "j0           sleep  q0     1/4  30 s   40%");
    CHECK(first_with(top_lines(top_data(0, 0), 0, 0, noon), "queues") == "no queues yet");
}

TEST_CASE("top fits every size of terminal") {
    for (const auto& [queues, running] : {std::pair{0, 0}, {1, 1}, {30, 2}, {2, 90}, {30, 90}})
        for (std::size_t rows = 1; rows < 40; rows += 3)
            for (const std::size_t columns : {1u, 20u, 80u, 200u}) {
                CAPTURE(rows);
                CAPTURE(columns);
                const auto lines = top_lines(top_data(queues, running), columns, rows, noon);
                CHECK(lines.size() <= rows);
                for (const auto& line : lines) CHECK(cli::columns(line) <= columns);
            }
}

TEST_CASE("what has no room in top is counted") {
    const auto lines = top_lines(top_data(30, 90), 100, 24, noon);
    const auto cut =
        std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("… and "); });
    CHECK(cut == 2);
    CHECK(lines.size() == 24);
}

TEST_CASE("top says that what it shows is old") {
    auto data = top_data();
    data.problem = "cannot reach the daemon";
    CHECK(top_lines(data, 80, 24, noon)[1] == "! cannot reach the daemon");
}

TEST_CASE("top without a terminal prints once, and for programs as JSON") {
    const auto status = answer(200, json::serialize(top_data().status)),
               queues = answer(200, json::serialize(top_data().queues)),
               running = answer(200, json::serialize(top_data().running));
    FakeDaemon daemon{{status, queues, running, status, queues, running}};
    auto outcome = ask(daemon, {"top"});
    CHECK(outcome.code == 0);
    CHECK(outcome.out.starts_with("millrace 1.0 · ready"));
    CHECK_FALSE(contains(outcome.out, "\x1b"));
    outcome = ask(daemon, {"top", "--json"});
    CHECK(json::parse(outcome.out).at("running").at(0).at("id") == json::value("j0"));
}
