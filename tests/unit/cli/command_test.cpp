#include "base/version.hpp"
#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace millrace;
using namespace millrace::cli;
using namespace millrace::cli::test;
namespace fs = std::filesystem;

TEST_CASE("no daemon is exit 3, with how to start one") {
    const auto outcome = command({"status", "--socket", "/nonexistent/admin.sock"});
    CHECK(outcome.code == 3);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, "error: cannot reach the daemon: there is no socket /nonexistent/admin.sock"));
    CHECK(contains(outcome.err, "millrace serve"));
}

TEST_CASE("a socket that nobody listens on is exit 3, and says that the daemon has stopped") {
    std::string socket;
    Descriptor left;
    {
        FakeDaemon daemon{{}};
        socket = daemon.socket() + "2";
    }
    fs::create_directories(fs::path{socket}.parent_path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    left = Descriptor{::socket(AF_UNIX, SOCK_STREAM, 0)};
    REQUIRE(::bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const auto outcome = command({"job", "list", "--socket", socket});
    CHECK(outcome.code == 3);
    CHECK(contains(outcome.err, "nothing listens"));
    fs::remove_all(fs::path{socket}.parent_path());
}

TEST_CASE("a daemon that never answers is exit 3 after the timeout") {
    FakeDaemon daemon{{}};
    daemon.silent = true;
    const auto outcome = ask(daemon, {"status", "--timeout", "0.2"});
    CHECK(outcome.code == 3);
    CHECK(contains(outcome.err, "did not answer in time"));
}

TEST_CASE("an answer that is cut off is an error, not a result") {
    FakeDaemon daemon{{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":"}};
    const auto outcome = ask(daemon, {"job", "show", "x", "--json"});
    CHECK(outcome.code == 3);
    CHECK(outcome.out.empty());
}

TEST_CASE("wrong usage is exit 2 and names the help of the very command") {
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
        {{}, "millrace --help"},
        {{"fly"}, "millrace --help"},
        {{"job"}, "millrace job --help"},
        {{"job", "submit", "--priority", "12"}, "millrace job submit --help"},
        {{"job", "list", "--state", "lost"}, "millrace job list --help"},
        {{"key", "create", "--name", "x"}, "millrace key create --help"},
        {{"key", "create", "--name", "x", "--role", "king"}, "millrace key create --help"},
        {{"completion", "tcsh"}, "millrace completion --help"},
        {{"model", "predict", "digits"}, "millrace model predict --help"},
    };
    for (const auto& [arguments, hint] : wrong) {
        const auto outcome = command(arguments);
        CAPTURE(outcome.err);
        CHECK(outcome.code == 2);
        CHECK(contains(outcome.err, hint));
        CHECK(outcome.out.empty());
    }
}

TEST_CASE("the version is printed for people and for programs") {
    CHECK(command({"version"}).out == "millrace " + std::string{version()} + "\n");
    CHECK(command({"--version"}).out == "millrace " + std::string{version()} + "\n");
    CHECK(command({"version", "--json"}).out == "{\"version\":\"" + std::string{version()} + "\"}\n");
}

TEST_CASE("a problem document becomes one line: title and detail, exit 1") {
    FakeDaemon daemon{{answer(
        404,
        R"({"type":"/problems/not-found","title":"Not found","status":404,"detail":"there is no job x","instance":"r"})",
        "application/problem+json")}};
    const auto outcome = ask(daemon, {"job", "show", "x"});
    CHECK(outcome.code == 1);
    CHECK(outcome.err == "error: Not found: there is no job x\n");
}

TEST_CASE("a daemon that refuses before the body is sent is heard") {
    FakeDaemon daemon{{}};
    const auto file = daemon.folder() / "big";
    std::ofstream{file, std::ios::binary} << std::string(8 << 20, 'x');
    // A daemon of its own: it answers after the head and never reads the body.
    const auto path = (daemon.folder() / "early.sock").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    Descriptor listener{::socket(AF_UNIX, SOCK_STREAM, 0)};
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 4) == 0);
    std::thread server{[&] {
        Descriptor peer{::accept(listener.get(), nullptr, nullptr)};
        char buffer[4096];
        (void)!::recv(peer.get(), buffer, sizeof buffer, 0);
        const auto reply = answer(413, R"({"title":"Too large","detail":"at most 1 MiB"})", "application/problem+json");
        (void)!::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    }};
    const auto outcome = command({"blob", "put", file.string(), "--socket", path});
    server.join();
    CHECK(outcome.code == 1);
    CHECK(outcome.err == "error: Too large: at most 1 MiB\n");
}

TEST_CASE("a blob is written whole and only when its digest is right") {
    const std::string test_digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"; // of "test"
    FakeDaemon daemon{{answer(200, "test", "application/octet-stream"), answer(200, "tesT", "application/octet-stream"),
                       answer(200, "test")}};
    const auto output = (daemon.folder() / "out").string();
    CHECK(ask(daemon, {"blob", "get", test_digest, "-o", output}).code == 0);
    std::ostringstream text;
    text << std::ifstream{output}.rdbuf();
    CHECK(text.str() == "test");
    const auto other = (daemon.folder() / "other").string();
    const auto outcome = ask(daemon, {"blob", "get", test_digest, "-o", other});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, "digest differs"));
    CHECK_FALSE(fs::exists(other));
    CHECK(ask(daemon, {"blob", "get", test_digest}).out == "test");
    CHECK(ask(daemon, {"blob", "get", test_digest}, 80).code == 2); // never bytes to a terminal unasked
    CHECK(ask(daemon, {"blob", "get", "abc"}).code == 2);
    for (const auto& entry : fs::directory_iterator{daemon.folder()})
        CHECK_FALSE(contains(entry.path().string(), "other."));
}

TEST_CASE("an image classification shows label and confidence, a pixel classification its shares") {
    FakeDaemon daemon{
        {answer(200, R"({"label":"7","confidence":0.98134,"top":[],"model":"digits","model_version":"1"})"),
         answer(200,
                R"({"shares":[{"label":"forest","share":0.425,"pixels":425,"color":"#001100"}],"width":40,"height":25,)"
                R"("map":{"blob":"abc","media_type":"image/png"},"model":"land_cover","model_version":"1"})")}};
    const auto file = daemon.folder() / "a.npy";
    std::ofstream{file} << "\x93NUMPY";
    auto outcome = ask(daemon, {"model", "predict", "digits", file.string(), "--version", "3"});
    CHECK(outcome.code == 0);
    CHECK(contains(outcome.out, "LABEL  CONFIDENCE  MODEL\n"));
    CHECK(contains(outcome.out, "7          98.13%  digits/1\n"));
    CHECK(daemon.requests().at(0).starts_with("POST /api/v1/models/digits/predict?version=3 HTTP/1.1\r\n"));
    CHECK(contains(daemon.requests().at(0), "Content-Type: application/octet-stream\r\n"));
    outcome = ask(daemon, {"model", "predict", "land_cover", file.string()});
    CHECK(contains(outcome.out, "forest  42.5%     425\n"));
    CHECK(contains(outcome.out, "map 40 × 25: blob abc\n"));
}

TEST_CASE("push sends manifest and model, and takes a folder for both") {
    FakeDaemon daemon{{answer(201, R"({"version":"1","state":"ready","sha256":"00","size":3})")}};
    std::ofstream{daemon.folder() / "model.pt"} << "pt!";
    std::ofstream{daemon.folder() / "manifest.json"} << "{\"format\":1}";
    const auto outcome = ask(daemon, {"model", "push", "digits", daemon.folder().string()});
    CAPTURE(outcome.err);
    CHECK(outcome.code == 0);
    CHECK(outcome.out == "digits/1  ready\n");
    const auto request = daemon.requests().at(0);
    CHECK(request.starts_with("POST /api/v1/models/digits/versions HTTP/1.1\r\n"));
    CHECK(contains(
        request,
        "name=\"manifest\"; filename=\"manifest.json\"\r\nContent-Type: application/json\r\n\r\n{\"format\":1}\r\n"));
    CHECK(contains(request,
                   "name=\"model\"; filename=\"model.pt\"\r\nContent-Type: application/octet-stream\r\n\r\npt!\r\n"));
    CHECK(ask(daemon, {"model", "push", "digits", "/nonexistent/model.pt"}).code == 1);
}

TEST_CASE("a key is printed alone on standard output, and whole with --json") {
    const std::string key =
        R"({"id":"k1","name":"me","role":"admin","key":"mr_x_y","created_at":"2026-01-01T00:00:00Z","expires_at":null})";
    FakeDaemon daemon{{answer(201, key)}};
    auto outcome = ask(daemon, {"key", "create", "--name", "me", "--role", "admin", "--expires", "30d"});
    CHECK(outcome.out == "mr_x_y\n");
    CHECK(contains(outcome.err, "only time"));
    CHECK(contains(daemon.requests().at(0), R"({"name":"me","role":"admin","expires_at":"20)"));
    outcome = ask(daemon, {"key", "create", "--name", "me", "--role", "admin", "--json"});
    CHECK(outcome.out == key + "\n");
    CHECK(ask(daemon, {"key", "create", "--name", "me", "--role", "admin", "--expires", "soon"}).code == 2);
}

TEST_CASE("status is exit 1 while the daemon is not ready, and says why") {
    FakeDaemon daemon{{answer(
        200,
        R"({"version":"0.1.0","uptime_seconds":3.5,"ready":false,"reasons":["worker starting"],)"
        R"("jobs":{"queued":2,"running":0,"rates":{"submitted_per_second":1.5,"finished_per_second":0}},"queues":[{"name":"default","queued":2,"running":0,"scheduled":1}],)"
        R"("worker":{"state":"starting"},"store":{"driver":"sqlite","schema_version":1,"bytes":2048},"disk":{"free_bytes":1073741824}})")}};
    const auto outcome = ask(daemon, {"status"});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.out, "not ready: worker starting"));
    CHECK(contains(outcome.out, "queued 2"));
    CHECK(contains(outcome.out, "2.0 KiB · 1.0 GiB free"));
}

TEST_CASE("filters of a list are encoded, an empty list is no error") {
    FakeDaemon daemon{{answer(200, R"({"data":[],"meta":{"next_cursor":null}})")}};
    const auto outcome = ask(daemon, {"job", "list", "--state", "dead", "--tag", "a=b c&d", "--limit", "7"});
    CHECK(outcome.code == 0);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, "no jobs"));
    CHECK(daemon.requests().at(0).starts_with("GET /api/v1/jobs?limit=7&state=dead&tag=a%3Db%20c%26d HTTP/1.1\r\n"));
}

TEST_CASE("serve hands over a checked configuration with absolute paths, and its exit code comes back") {
    config::Loaded seen;
    const auto serve = [&](config::Loaded loaded) {
        seen = std::move(loaded);
        return 7;
    };
    auto outcome = command({"serve", "--data", "relative", "--listen", "127.0.0.1:0", "--log-level", "debug", "--set",
                            "jobs.concurrency=8", "--set", "store.readers=3"},
                           0, serve);
    CHECK(outcome.code == 7);
    CHECK(seen.config.data == fs::absolute("relative"));
    CHECK(seen.config.http.listen.port == 0);
    CHECK(seen.config.log.level == config::LogLevel::debug);
    CHECK(seen.config.jobs.concurrency == 8);
    CHECK(seen.config.store.readers == 3);
    CHECK(seen.origins.at("jobs.concurrency") == "flag");
    CHECK(command({"serve", "--listen", "nowhere"}, 0, serve).code == 2);
    CHECK(command({"serve", "--set", "a"}, 0, serve).code == 2);
    CHECK(command({"serve", "--set", "no.such=1"}, 0, serve).code == 2);
    CHECK(command({"serve", "--config", "/nonexistent.toml"}, 0, serve).code == 2);
}

TEST_CASE("config check finds a bad file with exit 1, config show tells origins") {
    FakeDaemon daemon{{}};
    const auto file = (daemon.folder() / "a.toml").string();
    std::ofstream{file} << "[log]\nlevel = \"loud\"\n";
    auto outcome = command({"config", "check", "--config", file});
    CHECK(outcome.code == 1);
    CHECK(contains(outcome.err, file + ":2: log.level must be"));
    std::ofstream{file} << "[log]\nlevel = \"debug\"\n";
    CHECK(command({"config", "check", "--config", file}).code == 0);
    outcome = command({"config", "show", "--origin", "--config", file});
    CHECK(contains(outcome.out, "debug"));
    CHECK(contains(outcome.out, file + ":2"));
    outcome = command({"config", "show", "--json", "--config", file});
    const auto all = parse_json(outcome.out);
    REQUIRE(all.has_value());
    CHECK(all->at("log.level").at("value") == "debug");
}
