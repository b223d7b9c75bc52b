#include "api/leases/lease_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;
using namespace std::chrono_literals;

namespace {

json::object object(std::string_view text) { return parse_json(text)->as_object(); }

} // namespace

TEST_CASE("a worker needs only a name; the rest has defaults") {
    const auto request = read_lease_request(object(R"({"worker":"press-1"})"), "print");
    REQUIRE(request.has_value());
    CHECK(request->queue == "print");
    CHECK(request->worker == "press-1");
    CHECK(request->most == 10);
    CHECK(request->wait == 20s);
    CHECK(request->lease == 30s);
}

TEST_CASE("a lease request beyond its limits is refused") {
    for (const auto* text : {"{}", R"({"worker":""})", R"({"worker":"a","max":0})", R"({"worker":"a","max":1001})",
                             R"({"worker":"a","wait_seconds":61})", R"({"worker":"a","wait_seconds":-1})",
                             R"({"worker":"a","lease_seconds":0.5})", R"({"worker":"a","lease_seconds":86401})",
                             R"({"worker":"a","count":2})"})
        CHECK_FALSE(read_lease_request(object(text), "q").has_value());
    CHECK(read_lease_request(object(R"({"worker":"a","max":1000,"wait_seconds":0,"lease_seconds":86400})"), "q")
              .has_value());
}

TEST_CASE("a leased job comes with its token, its payload and a key for effects outside") {
    jobs::LeasedJob leased;
    leased.job.id = leased.token.job = JobId::make();
    leased.token.token = 7;
    leased.lease = 30s;
    leased.job.kind = "pri\"nt";
    leased.job.queue = "print";
    leased.job.payload = R"({"pages":3})";
    leased.job.tags = R"({"site":"north"})";
    leased.job.attempt = 2;
    const auto written = parse_json(write_leases({leased, leased}));
    REQUIRE(written.has_value());
    const auto& data = written->at("data").as_array();
    REQUIRE(data.size() == 2);
    CHECK(data[0].at("lease_token") == leased.token.text().c_str());
    CHECK(data[0].at("lease_seconds") == 30);
    const auto& job = data[0].at("job");
    CHECK(job.at("id") == leased.job.id.text().c_str());
    CHECK(job.at("idempotency_key") == job.at("id"));
    CHECK(job.at("kind") == "pri\"nt");
    CHECK(job.at("payload").at("pages") == 3);
    CHECK(job.at("attempt") == 2);
    CHECK(write_leases({}) == R"({"data":[]})");
}

TEST_CASE("a worker reports progress, a result or an error") {
    CHECK(*read_heartbeat(object(R"({"progress_percent":40})")) == 40);
    CHECK_FALSE(read_heartbeat(object("{}"))->has_value());
    CHECK_FALSE(read_heartbeat(object(R"({"progress_percent":101})")).has_value());
    CHECK(*read_completion(object(R"({"result":{"pages":3}})")) == R"({"pages":3})");
    CHECK(*read_completion(object("{}")) == "null");
    CHECK_FALSE(read_completion(object(R"({"resutl":1})")).has_value());
}

TEST_CASE("an error is a text, or a code with a message") {
    const auto text = read_failure(object(R"({"error":"no paper"})"));
    REQUIRE(text.has_value());
    CHECK(text->error.code == "failed");
    CHECK(text->error.message == "no paper");
    CHECK(text->retryable);
    CHECK_FALSE(text->retry_after);
    const auto coded = read_failure(object(
        R"({"error":{"code":"no_paper","message":"the printer is empty"},"retryable":false,"retry_after_seconds":1.5})"));
    REQUIRE(coded.has_value());
    CHECK(coded->error.code == "no_paper");
    CHECK_FALSE(coded->retryable);
    CHECK(coded->retry_after == 1500ms);
    for (const auto* wrong : {"{}", R"({"error":""})", R"({"error":7})", R"({"error":{"code":"x"}})",
                              R"({"error":{"message":"x","why":1}})", R"({"error":"x","retryable":"no"})",
                              R"({"error":"x","retry_after_seconds":-1})", R"({"error":"x","extra":1})"})
        CHECK_FALSE(read_failure(object(wrong)).has_value());
}
