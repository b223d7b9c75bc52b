// What the options of `job submit` and the lines of `job batch` become.
#include "cli/jobs/job_submit.hpp"

#include "cli/context.hpp"
#include "cli/jobs/job_batch.hpp"
#include "cli/option_values.hpp"

#include "base/clock.hpp"
#include "base/json_text.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

using namespace millrace;
using namespace millrace::cli;

namespace {

SubmitOptions echo() {
    SubmitOptions options;
    options.kind = "echo";
    return options;
}

// The message of the Failure, and that it is one of usage.
template <class Action>
std::string refused(Action action) {
    try {
        action();
    } catch (const Failure& failure) {
        CHECK(failure.exit == usage);
        return failure.what();
    }
    return "(accepted)";
}

std::vector<Chunk> chunks_of(const std::string& text) {
    std::istringstream lines{text};
    std::vector<Chunk> chunks;
    each_chunk(lines, [&](Chunk chunk) { chunks.push_back(std::move(chunk)); });
    return chunks;
}

} // namespace

TEST_CASE("what is not given is not sent: the queue's own settings hold") {
    CHECK(json::value(job_of(echo())) == json::value{{"kind", "echo"}, {"payload", json::object{}}});
}

TEST_CASE("every option becomes its member") {
    auto options = echo();
    options.payload = R"([1,"two"])";
    options.queue = "mail";
    options.priority = 0;
    options.max_attempts = 7;
    options.timeout_seconds = 1.5;
    options.run_at = "2099-01-01T00:00:00Z";
    options.expires_at = "2099-01-02T00:00:00Z";
    options.deadline_at = "2099-01-03T00:00:00Z";
    options.retry = "polynomial";
    options.unique_key = "u";
    options.depends_on = {"a", "b=ignore"};
    options.tags = {"x=1", "y="};
    CHECK(json::parse(json_text(job_of(options))) ==
          json::value{{"kind", "echo"},
                      {"payload", {1, "two"}},
                      {"queue", "mail"},
                      {"run_at", "2099-01-01T00:00:00Z"},
                      {"expires_at", "2099-01-02T00:00:00Z"},
                      {"deadline_at", "2099-01-03T00:00:00Z"},
                      {"priority", 0},
                      {"max_attempts", 7},
                      {"timeout_seconds", 1.5},
                      {"retry", "polynomial"},
                      {"unique_key", "u"},
                      {"depends_on", {"a", {{"job", "b"}, {"on_failure", "ignore"}}}},
                      {"tags", {{"x", "1"}, {"y", ""}}}});
}

TEST_CASE("states and a period of uniqueness need a key, and travel with it") {
    auto options = echo();
    options.unique_period = 60;
    CHECK(refused([&] { job_of(options); }) == "--unique-states and --unique-period belong to a --unique-key");
    options.unique_key = "u";
    options.unique_states = {"queued", "succeeded"};
    CHECK(job_of(options).at("unique") ==
          json::value{{"key", "u"}, {"states", {"queued", "succeeded"}}, {"period_seconds", 60.0}});
    CHECK_FALSE(job_of(options).contains("unique_key"));
}

TEST_CASE("a back-off is a name, seconds, or JSON") {
    CHECK(retry_value("linear", "--retry") == json::value("linear"));
    CHECK(retry_value("1,5.5,30", "--retry") == json::value{{"backoff", "list"}, {"delays_seconds", {1.0, 5.5, 30.0}}});
    CHECK(retry_value("10", "--retry") == json::value{{"backoff", "list"}, {"delays_seconds", json::array{10.0}}});
    CHECK(retry_value(R"({"backoff":"fixed"})", "--retry") == json::value{{"backoff", "fixed"}});
    CHECK(refused([] { retry_value("1,,2", "--retry"); }) == "--retry takes seconds such as 1,5,30, not \"1,,2\"");
    CHECK(refused([] { retry_value("{", "--retry"); }).starts_with("--retry is "));
}

TEST_CASE("a moment is a time, or so long from now") {
    CHECK(moment_value("2099-01-01T00:00:00Z", "--run-at") == "2099-01-01T00:00:00Z");
    for (const auto& [text, seconds] :
         {std::pair{"90s", 90}, {"30m", 1800}, {"2h", 7200}, {"7d", 604800}, {"0.5m", 30}}) {
        const auto before = SystemClock::instance().now();
        const auto moment = Timestamp::parse(moment_value(text, "--run-at"));
        REQUIRE(moment.has_value());
        CHECK(*moment - before >= std::chrono::seconds{seconds});
        CHECK(*moment - SystemClock::instance().now() <= std::chrono::seconds{seconds});
    }
    for (const auto* text : {"tomorrow", "5", "5w", "-5m", "s", ""}) {
        CAPTURE(text);
        CHECK(refused([&] {
                  moment_value(text, "--run-at");
              }).starts_with("--run-at takes a time, such as 2027-01-01T00:00:00Z, or from now on"));
    }
}

TEST_CASE("a payload may come from a file") {
    const auto name =
        (std::filesystem::temp_directory_path() / ("millrace-payload-" + std::to_string(::getpid()))).string();
    std::ofstream{name} << R"({"from":"a file"})";
    auto options = echo();
    options.payload = "@" + name;
    CHECK(kept_text(job_of(options).at("payload")) == R"({"from":"a file"})");
    std::filesystem::remove(name);
    CHECK_THROWS_AS(job_of(options), Failure);
}

TEST_CASE("a file of jobs is cut into calls of a thousand, and each job keeps its line number") {
    std::string text = "\n{\"kind\":\"echo\"}\n  \t\r\n";
    for (int i = 0; i < 2000; ++i) text += "{\"kind\":\"echo\",\"payload\":" + std::to_string(i) + "}\n";
    const auto chunks = chunks_of(text);
    REQUIRE(chunks.size() == 3);
    CHECK(chunks[0].lines.size() == 1000);
    CHECK(chunks[1].lines.size() == 1000);
    CHECK(chunks[2].lines == std::vector<std::uint64_t>{2003});
    CHECK(chunks[0].lines[0] == 2);
    CHECK(chunks[0].lines[1] == 4);
    CHECK(json::parse(chunks[2].body) ==
          json::value{{"jobs", json::array{json::object{{"kind", "echo"}, {"payload", 1999}}}}});
    CHECK(json::parse(chunks[0].body).at("jobs").as_array().size() == 1000);
    CHECK(chunks_of("").empty());
    CHECK(chunks_of(R"({"kind":"echo"})").size() == 1); // without an end of line
}

TEST_CASE("large jobs are fewer to a call, so that the daemon takes each") {
    std::string text;
    for (int i = 0; i < 20; ++i) text += R"({"kind":"echo","payload":")" + std::string(1 << 20, 'x') + "\"}\n";
    const auto chunks = chunks_of(text);
    REQUIRE(chunks.size() == 2);
    for (const auto& chunk : chunks) CHECK(chunk.body.size() <= (15 << 20) + 64);
    CHECK(chunks[0].lines.size() + chunks[1].lines.size() == 20);
}

TEST_CASE("a line that is no job is named, and what stands before it in full calls is sent") {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "{}\n";
    std::istringstream lines{text + "{}\n[1]\n"};
    std::size_t sent = 0;
    std::string message;
    try {
        each_chunk(lines, [&](const Chunk& chunk) { sent += chunk.lines.size(); });
    } catch (const Failure& failure) {
        message = failure.what();
        CHECK(failure.exit == failed);
    }
    CHECK(message == "line 1002 is no JSON object; each line is a job: {\"kind\":\"echo\"}");
    CHECK(sent == 1000);
}
