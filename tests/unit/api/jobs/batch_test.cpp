#include "api/jobs/batch.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

auto take(std::string_view text) {
    auto document = parse_json(text);
    REQUIRE(document.has_value());
    return read_batch(*document);
}

} // namespace

TEST_CASE("a batch takes each job or refuses it, in their order") {
    const auto jobs = take(R"({"jobs":[{"kind":"echo","payload":{"n":1}},{"kind":7},"x",{"kind":"sleep"}]})");
    REQUIRE(jobs.has_value());
    REQUIRE(jobs->size() == 4);
    REQUIRE((*jobs)[0].has_value());
    CHECK((*jobs)[0]->payload == R"({"n":1})");
    CHECK((*jobs)[1].error().code == Code::unprocessable);
    CHECK((*jobs)[2].error().code == Code::unprocessable);
    CHECK((*jobs)[3]->kind == "sleep");
}

TEST_CASE("what is no batch is refused as a whole") {
    std::string many = R"({"jobs":[)";
    for (int i = 0; i < 1001; ++i) many += i == 0 ? R"({"kind":"echo"})" : R"(,{"kind":"echo"})";
    many += "]}";
    for (const auto& text :
         {std::string{"[]"}, std::string{"{}"}, std::string{R"({"jobs":{}})"}, std::string{R"({"jobs":[]})"},
          std::string{R"({"jobs":[{"kind":"echo"}],"queue":"x"})"}, many}) {
        const auto jobs = take(text);
        REQUIRE_FALSE(jobs.has_value());
        CHECK(jobs.error().code == Code::unprocessable);
    }
}

TEST_CASE("each job of a batch gets its status, and an error its problem") {
    jobs::BatchAccepted accepted;
    accepted.items.push_back(
        jobs::Accepted{JobId::make(), false, false, R"({"id":"1","state":"queued","queue":"default"})"});
    accepted.items.push_back(Error{Code::unprocessable, "\"kind\" is missing"});
    accepted.items.push_back(jobs::Accepted{JobId::make(), false, true,
                                            R"({"id":"0","state":"running","queue":"default","duplicate":true})"});
    accepted.items.push_back(Error{Code::unavailable, "the queue is full"});
    const auto written = parse_json(write_batch(accepted));
    REQUIRE(written.has_value());
    const auto& data = written->at("data").as_array();
    REQUIRE(data.size() == 4);
    CHECK(data[0] == json::value{{"status", 202}, {"id", "1"}, {"state", "queued"}, {"queue", "default"}});
    CHECK(data[1].at("status") == 422);
    CHECK(data[1].at("error") == json::value{{"type", "/problems/unprocessable"},
                                             {"title", "Wrong in its content"},
                                             {"detail", "\"kind\" is missing"}});
    CHECK(data[2].at("status") == 200);
    CHECK(data[2].at("duplicate") == true);
    CHECK(data[3].at("status") == 503);
}
