#include "api/openai/embeddings.hpp"
#include "api/openai/openai_error.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>

using namespace millrace;
using namespace millrace::api;

namespace {

std::string refusal(const std::string& body) {
    const auto read = openai::parse_embeddings(body);
    if (read) return "accepted";
    CHECK(read.error().code == Code::invalid_argument);
    return read.error().detail;
}

inference::Prediction vector(const std::vector<float>& numbers, std::uint64_t tokens = 1) {
    inference::Prediction prediction;
    prediction.tensors.push_back({"y",
                                  values::Datatype::fp32,
                                  {1, static_cast<std::int64_t>(numbers.size())},
                                  std::string(numbers.size() * sizeof(float), 0)});
    std::memcpy(prediction.tensors.front().bytes.data(), numbers.data(), numbers.size() * sizeof(float));
    prediction.tokens = tokens;
    return prediction;
}

std::optional<std::int64_t> size_of(const std::string& input, const std::string& output) {
    const auto m = values::Manifest::parse(R"({"format":1,"name":"m","task":"tensor","input":)" + input +
                                           R"(,"output":)" + output + "}");
    REQUIRE_MESSAGE(m.has_value(), (m ? "" : m.error().detail));
    return openai::embedding_size(*m);
}

http::Response spoken(const std::string& path, const Error& error) {
    http::Request request;
    request.path = path;
    auto response = http::problem(error, "id");
    openai::speak_openai(request, response);
    return response;
}

} // namespace

TEST_CASE("an input is a text, texts, token numbers or arrays of them") {
    const auto inputs = [](const std::string& input) {
        auto read = openai::parse_embeddings(R"({"model":"m:2","input":)" + input + "}");
        REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().detail));
        CHECK(read->model.name == "m");
        CHECK(read->model.version == "2");
        CHECK_FALSE(read->base64);
        std::vector<std::string> out;
        for (const auto& each : read->inputs) out.push_back(each.media_type + " " + each.bytes);
        return out;
    };
    using List = std::vector<std::string>;
    CHECK(inputs(R"("a")") == List{"text/plain a"});
    CHECK(inputs(R"(["a","b"])") == List{"text/plain a", "text/plain b"});
    CHECK(inputs("[1,2]") == List{R"(application/json {"tokens":[1,2]})"});
    CHECK(inputs(R"([[1,2],"b"])") == List{R"(application/json {"tokens":[1,2]})", "text/plain b"});
}

TEST_CASE("what the API does not take is refused by its name") {
    CHECK(refusal("[]").find("object") != std::string::npos);
    CHECK(refusal(R"({"input":"a"})").find("\"model\"") != std::string::npos);
    CHECK(refusal(R"({"model":"m"})").find("\"input\"") != std::string::npos);
    CHECK(refusal(R"({"model":"m","input":7})").find("input") != std::string::npos);
    CHECK(refusal(R"({"model":"m","input":["a",[]]})").find("element 1") != std::string::npos);
    CHECK(refusal(R"({"model":"m","input":"a","encoding_format":"hex"})").find("encoding_format") != std::string::npos);
    CHECK(refusal(R"({"model":"m","input":"a","dimensions":0})").find("dimensions") != std::string::npos);
    CHECK(refusal(R"({"model":"m","input":"a","inputs":"b"})").find("inputs") != std::string::npos);
}

TEST_CASE("a model of one text and one vector gives embeddings, and no other") {
    const std::string text =
        R"({"kind":"text","datatype":"INT64","shape":[-1],"tokenizer":{"kind":"bytes","max_length":9}})";
    CHECK(size_of(text, R"({"shape":[3]})") == 3);
    CHECK_FALSE(size_of(text, R"({"shape":[-1]})"));
    CHECK_FALSE(size_of(text, R"({"shape":[3,2]})"));
    CHECK_FALSE(size_of(text, R"({"shape":[3],"datatype":"INT64"})"));
    CHECK_FALSE(size_of(R"({"kind":"tensor","shape":[3]})", R"({"shape":[3]})"));
}

TEST_CASE("vectors are written as numbers that read back the same, or as their bytes") {
    openai::EmbeddingsRequest request;
    request.model_as_asked = "m\"x";
    const std::vector<float> first{0.1f, -1e-7f, 3}, second{1, 2, 4};
    const auto text = openai::render_embeddings(request, {vector(first, 5), vector(second, 2)});
    REQUIRE(text.has_value());
    const auto answer = json::parse(*text);
    CHECK(answer.at("model").as_string() == "m\"x");
    CHECK(answer.at("usage").at("prompt_tokens").as_int64() == 7);
    CHECK(answer.at("data").at(1).at("index").as_int64() == 1);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(answer.at("data").at(0).at("embedding").at(i).to_number<double>() ==
              doctest::Approx(first[i]).epsilon(1e-7));
    request.base64 = true;
    CHECK(openai::render_embeddings(request, {vector({1})})->find("\"embedding\":\"AACAPw==\"") != std::string::npos);
    request.base64 = false;
    CHECK_FALSE(openai::render_embeddings(request, {vector({std::numeric_limits<float>::quiet_NaN()})}).has_value());
    CHECK_FALSE(openai::render_embeddings(request, {vector({1}), vector({1, 2})}).has_value());
    CHECK_FALSE(openai::render_embeddings(request, {inference::Prediction{}}).has_value());
}

TEST_CASE("below /v1 errors have OpenAI's form and status") {
    const auto unprocessable = spoken("/v1/embeddings", {Code::unprocessable, "the text is not valid UTF-8"});
    CHECK(unprocessable.status == 400);
    CHECK(
        std::get<std::string>(unprocessable.body) ==
        R"({"error":{"message":"the text is not valid UTF-8","type":"invalid_request_error","param":null,"code":null}})");
    CHECK(std::get<std::string>(spoken("/v1/models/x", {Code::not_found, "none"}).body).find("model_not_found") !=
          std::string::npos);
    CHECK(std::get<std::string>(spoken("/v1/embeddings", {Code::unauthenticated, "no"}).body).find("invalid_api_key") !=
          std::string::npos);
    CHECK(spoken("/v1/embeddings", {Code::unavailable, "later"}).status == 503);
    CHECK(*spoken("/v1x", {Code::not_found, "none"}).find("Content-Type") == "application/problem+json");
}
