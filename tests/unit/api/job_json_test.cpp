#include "api/job_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

Result<model::NewJob> read(std::string_view text) { return read_new_job(*parse_json(text)); }

std::string refused(std::string_view text) {
    const auto job = read(text);
    REQUIRE_FALSE(job.has_value());
    CHECK(job.error().code == Code::unprocessable);
    return job.error().detail;
}

model::Job sample() {
    model::Job job;
    job.id = JobId::make();
    job.kind = "echo";
    job.queue = "default";
    job.payload = R"({"a":"\"quoted\""})";
    job.tags = "{}";
    job.created_at = job.run_at = Timestamp{1'000'000};
    return job;
}

} // namespace

TEST_CASE("a job needs only a kind; the rest has defaults") {
    const auto job = read(R"({"kind":"echo"})");
    REQUIRE(job.has_value());
    CHECK(job->queue == "default");
    CHECK(job->priority == 5);
    CHECK(job->max_attempts == 4);
    CHECK(job->timeout_seconds == 1800);
    CHECK(job->payload == json::value(json::object{}));
    CHECK_FALSE(job->run_at);
}

TEST_CASE("every member is taken as sent") {
    const auto job = read(R"({"kind":"sleep","queue":"night-1","priority":9,"payload":{"seconds":2},"run_at":"2030-01-01T00:00:00Z",)"
                          R"("max_attempts":1,"timeout_seconds":2.5,"tags":{"site":"north"}})");
    REQUIRE(job.has_value());
    CHECK(job->queue == "night-1");
    CHECK(job->priority == 9);
    CHECK(job->run_at->text() == "2030-01-01T00:00:00.000000Z");
    CHECK(job->max_attempts == 1);
    CHECK(job->timeout_seconds == 2.5);
    CHECK(job->tags.at("site") == "north");
}

TEST_CASE("a wrong member is named") {
    CHECK(refused("[]").find("object") != std::string::npos);
    CHECK(refused("{}").find("kind") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","prioritty":1})").find("prioritty") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","priority":10})").find("priority") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","priority":"5"})").find("priority") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","queue":"a b"})").find("queue") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","run_at":"tomorrow"})").find("run_at") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","tags":{"a":1}})").find("tags") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","timeout_seconds":0})").find("timeout_seconds") != std::string::npos);
    CHECK(refused(R"({"kind":"echo","max_attempts":1.5})").find("max_attempts") != std::string::npos);
}

TEST_CASE("what is written is JSON and says what the job is") {
    auto job = sample();
    job.error = model::JobError{"bad_input", "line one\n\"two\""};
    const auto written = parse_json(write_job(jobs::JobDetail{job, {{1, {1'000'000}, {2'000'000}, "failed", {"x", "y"}}}}, Timestamp{3'000'000}));
    REQUIRE(written.has_value());
    const auto& object = written->as_object();
    CHECK(object.at("id") == job.id.text().c_str());
    CHECK(object.at("payload").at("a") == "\"quoted\"");
    CHECK(object.at("error").at("message") == "line one\n\"two\"");
    CHECK(object.at("started_at").is_null());
    CHECK(object.at("attempts").as_array().size() == 1);
    CHECK(object.at("timeline").as_array().front().at("event") == "submitted");
}

TEST_CASE("a scheduled job whose time has come is shown as queued") {
    auto job = sample();
    job.state = model::JobState::scheduled;
    CHECK(parse_json(write_job(job, Timestamp{999'999}))->at("state") == "scheduled");
    CHECK(parse_json(write_job(job, Timestamp{1'000'000}))->at("state") == "queued");
}

TEST_CASE("a result says queued, processing, complete or failed") {
    auto job = sample();
    jobs::JobOutlook outlook;
    outlook.position = 3;
    CHECK(parse_json(write_result(job, outlook))->at("position") == 3);
    job.state = model::JobState::running;
    outlook.progress_percent = 45;
    outlook.seconds_remaining = 10;
    const auto running = parse_json(write_result(job, outlook));
    CHECK(running->at("status") == "processing");
    CHECK(running->at("progress_percent") == 45);
    job.state = model::JobState::succeeded;
    job.result = R"({"label":"7","model_version":"2"})";
    const auto done = parse_json(write_result(job, {}));
    CHECK(done->at("status") == "complete");
    CHECK(done->at("model_version") == "2");
    job.state = model::JobState::dead;
    job.error = model::JobError{"bad_input", "the image is truncated"};
    job.attempt = 4;
    const auto dead = parse_json(write_result(job, {}));
    CHECK(dead->at("status") == "failed");
    CHECK(dead->at("error") == "the image is truncated");
    CHECK(dead->at("attempts") == 4);
}

TEST_CASE("a full page has a cursor, a short one has none") {
    const std::vector<model::Job> jobs{sample(), sample()};
    CHECK(parse_json(write_jobs(jobs, 2, {}))->at("meta").at("next_cursor") == jobs.back().id.text().c_str());
    CHECK(parse_json(write_jobs(jobs, 3, {}))->at("meta").at("next_cursor").is_null());
}
