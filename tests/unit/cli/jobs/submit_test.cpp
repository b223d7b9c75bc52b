// `millrace submit` and `millrace result`: what is sent, what is printed, and the exit codes.
#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;
namespace fs = std::filesystem;

namespace {

const std::string succeeded =
    R"({"id":"j1","kind":"echo","queue":"default","state":"succeeded","result":{"label":"7","confidence":0.98}})";

} // namespace

TEST_CASE("mistakes in the options of submit are found before the daemon is looked for") {
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"job", "submit"},
             {"job", "submit", "--kind", "echo", "--payload", "{"},
             {"job", "submit", "--kind", "echo", "--payload", "{\"a\":1,\"a\":2}"},
             {"job", "submit", "--kind", "echo", "--tag", "novalue"},
             {"job", "submit", "--kind", "infer", "--file", "nopath"},
             {"job", "submit", "--kind", "infer", "--file", "job=x"},
             {"job", "submit", "--model", "digits"},
         }) {
        auto all = arguments;
        all.insert(all.end(), {"--socket", "/nonexistent/admin.sock"});
        const auto outcome = command(all);
        CAPTURE(outcome.err);
        CHECK(outcome.code == 2);
    }
}

TEST_CASE("submit sends what was asked for and prints id and state") {
    FakeDaemon daemon{{answer(202, R"({"id":"j1","state":"queued","queue":"fast","position":3})")}};
    const auto outcome = ask(daemon, {"job", "submit", "--kind", "echo", "--payload", R"({"a":1})", "--queue", "fast",
                                      "--priority", "9", "--tag", "site=north=1", "--idempotency-key", "k 1",
                                      "--max-attempts", "2", "--run-at", "2027-01-01T00:00:00Z"});
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "j1  queued\n");
    const auto request = daemon.requests().at(0);
    CHECK(request.starts_with("POST /api/v1/jobs HTTP/1.1\r\n"));
    CHECK(contains(request, "Idempotency-Key: k 1\r\n"));
    CHECK_FALSE(contains(request, "Prefer"));
    const auto body = parse_json(request.substr(request.find("\r\n\r\n") + 4));
    REQUIRE(body.has_value());
    CHECK(*body == json::value{{"kind", "echo"},
                               {"payload", {{"a", 1}}},
                               {"queue", "fast"},
                               {"run_at", "2027-01-01T00:00:00Z"},
                               {"priority", 9},
                               {"max_attempts", 2},
                               {"tags", {{"site", "north=1"}}}});
}

TEST_CASE("submit with --wait asks for the end, and polls on when the daemon answers too early") {
    FakeDaemon daemon{{answer(202, R"({"id":"j1","state":"queued","queue":"default"})"),
                       answer(200, R"({"id":"j1","state":"running","progress_percent":40})"), answer(200, succeeded)}};
    const auto outcome = ask(daemon, {"job", "submit", "--kind", "echo", "--wait=5"});
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "{\n  \"label\": \"7\",\n  \"confidence\": 0.98\n}\n");
    CHECK(contains(daemon.requests().at(0), "Prefer: wait=5\r\n"));
    CHECK(daemon.requests().at(1).starts_with("GET /api/v1/jobs/j1 HTTP/1.1\r\n"));
}

TEST_CASE("--wait without a number waits its default, and a longer one is capped in the header") {
    FakeDaemon daemon{{answer(200, succeeded)}};
    CHECK(ask(daemon, {"job", "submit", "--kind", "echo", "--wait"}).code == 0);
    CHECK(ask(daemon, {"job", "submit", "--wait", "--kind", "echo"}).code == 0);
    CHECK(contains(daemon.requests().at(0), "Prefer: wait=60\r\n"));
    CHECK(contains(daemon.requests().at(1), "Prefer: wait=60\r\n"));
}

TEST_CASE("a job that died is exit 1 with its error, in --json too") {
    const std::string dead =
        R"({"id":"j1","state":"dead","result":null,"error":{"code":"bad_input","message":"the image is truncated"}})";
    FakeDaemon daemon{{answer(200, dead)}};
    auto outcome = ask(daemon, {"job", "wait", "j1"});
    CHECK(outcome.code == 1);
    CHECK(outcome.out.empty());
    CHECK(outcome.err == "error: job j1 is dead: bad_input: the image is truncated\n");
    outcome = ask(daemon, {"job", "wait", "j1", "--json"});
    CHECK(outcome.code == 1);
    CHECK(parse_json(outcome.out).has_value());
}

TEST_CASE("waiting longer than allowed is exit 1") {
    FakeDaemon daemon{{answer(200, R"({"id":"j1","state":"running","progress_percent":10})")}};
    const auto outcome = ask(daemon, {"job", "wait", "j1", "--for", "0.1"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "still running"));
}

TEST_CASE("result prints what a job gave, and says where it stands otherwise") {
    FakeDaemon daemon{{answer(200, R"({"status":"complete","result":[1,2],"model_version":null})"),
                       answer(200, R"({"status":"queued","position":4})"),
                       answer(200, R"({"status":"failed","error":"no such model","attempts":1})")}};
    CHECK(ask(daemon, {"job", "result", "j"}).out == "[1, 2]\n");
    auto outcome = ask(daemon, {"job", "result", "j"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "position 4"));
    outcome = ask(daemon, {"job", "result", "j"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "no such model"));
}

TEST_CASE("files travel as parts of a form beside the job") {
    FakeDaemon daemon{{answer(202, R"({"id":"j1","state":"queued","queue":"default"})")}};
    const auto image = daemon.folder() / "di\"git.png";
    const std::string bytes = "\x89PNG\r\n\x1a\n" + std::string(300'000, '\x05'); // large enough to ask before sending
    std::ofstream{image, std::ios::binary} << bytes;
    const auto outcome = ask(daemon, {"job", "submit", "--model", "digits/2", "--file", "image=" + image.string()});
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
    const auto request = daemon.requests().at(0);
    CHECK(contains(request, "Expect: 100-continue\r\n"));
    CHECK(contains(request,
                   "name=\"job\"\r\nContent-Type: application/json\r\n\r\n"
                   R"({"kind":"infer","payload":{"model":"digits","version":"2","input":{"$part":"image"}}})"));
    CHECK(contains(request,
                   "name=\"image\"; filename=\"di%22git.png\"\r\nContent-Type: image/png\r\n\r\n" + bytes + "\r\n--"));
    CHECK(request.ends_with("--\r\n"));
}
