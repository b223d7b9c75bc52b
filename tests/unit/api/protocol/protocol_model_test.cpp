#include "api/protocol/protocol_error.hpp"
#include "api/protocol/protocol_model.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api::protocol;

namespace {

values::Manifest manifest() {
    values::Manifest made;
    made.inputs.resize(1);
    made.inputs[0].tensor = {"image", values::Datatype::fp32, {3, -1, -1}};
    made.outputs = {{{"scores", values::Datatype::fp64, {10}}, {}, false},
                    {{"count", values::Datatype::int32, {}}, {}, false}};
    made.batching.max_batch = 16;
    made.batching.max_delay_ms = 2.5;
    return made;
}

http::Response spoken(std::string path, http::Response response) {
    http::Request request;
    request.path = std::move(path);
    speak_protocol(request, response);
    return response;
}

} // namespace

TEST_CASE("a model's tensors are described with the batch as their first dimension") {
    const auto metadata = model_metadata("m", {"1", "3"}, manifest());
    CHECK(metadata.at("versions") == json::value{"1", "3"});
    CHECK(metadata.at("inputs").at(0) ==
          json::value{{"name", "image"}, {"datatype", "FP32"}, {"shape", {-1, 3, -1, -1}}});
    CHECK(metadata.at("outputs").at(1) ==
          json::value{{"name", "count"}, {"datatype", "INT32"}, {"shape", json::array{-1}}});
}

TEST_CASE("a model's configuration leaves the batch dimension out, as Triton's does") {
    const auto config = model_config("m", manifest(), "cpu");
    CHECK(config.at("max_batch_size") == 16);
    CHECK(config.at("input").at(0).at("dims") == json::value{3, -1, -1});
    CHECK(config.at("input").at(0).at("data_type") == "TYPE_FP32");
    CHECK(config.at("output").at(1).at("dims") == json::value(json::array{}));
    CHECK(config.at("dynamic_batching").at("max_queue_delay_microseconds") == 2500);
    CHECK(config.at("instance_group").at(0).at("kind") == "KIND_CPU");
    CHECK(model_config("m", manifest(), "cuda:0").at("instance_group").at(0).at("kind") == "KIND_GPU");
}

TEST_CASE("statistics have every figure, also of a version that was never asked") {
    inference::ModelStatistics asked;
    asked.last_inference = Timestamp{1'700'000'000'123'456};
    asked.inference_count = 6;
    asked.execution_count = 2;
    asked.success = {5, 1000};
    asked.batches[3] = {2, 70};
    const auto stats = model_statistics("m", "1", &asked);
    CHECK(stats.at("last_inference") == 1'700'000'000'123);
    CHECK(stats.at("inference_stats").at("success") == json::value{{"count", 5}, {"ns", 1000}});
    CHECK(stats.at("batch_stats").at(0).at("batch_size") == 3);
    CHECK(stats.at("batch_stats").at(0).at("compute_infer").at("ns") == 70);
    const auto none = model_statistics("m", "2", nullptr);
    for (const auto* figure :
         {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"})
        CHECK(none.at("inference_stats").at(figure) == json::value{{"count", 0}, {"ns", 0}});
}

TEST_CASE("below /v2 a problem is told in the protocol's form, whoever found it") {
    const auto body = [](const http::Response& response) { return std::get<std::string>(response.body); };
    auto missing = spoken("/v2/models/x", http::problem({Code::not_found, "there is no \"x\""}, "1"));
    CHECK(missing.status == 404);
    CHECK(*missing.find("Content-Type") == "application/json");
    CHECK(body(missing) == R"({"error":"there is no \"x\""})");
    CHECK(spoken("/v2", http::problem({Code::unprocessable, "no"}, "1")).status == 400);
    CHECK(spoken("/v2/x", http::problem({Code::unsupported_type, "no"}, "1")).status == 400);
    CHECK(spoken("/v2/x", http::problem({Code::timed_out, "no"}, "1")).status == 503);
    CHECK(spoken("/v2/x", http::problem({Code::too_large, "no"}, "1")).status == 413);
    const auto key = spoken("/v2/x", http::problem({Code::unauthenticated, "no"}, "1"));
    CHECK(key.status == 401);
    CHECK(key.find("WWW-Authenticate") != nullptr);
}

TEST_CASE("problems elsewhere and other answers stay as they are") {
    CHECK(spoken("/v22", http::problem({Code::unprocessable, "no"}, "1")).status == 422);
    CHECK(spoken("/api/v1/models", http::problem({Code::timed_out, "no"}, "1")).status == 504);
    CHECK(std::get<std::string>(spoken("/v2/x", http::json_text(200, "{}")).body) == "{}");
    CHECK(spoken("/v2/health/ready", http::empty(400)).status == 400);
}
