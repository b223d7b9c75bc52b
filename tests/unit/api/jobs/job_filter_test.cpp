#include "api/jobs/job_filter.hpp"
#include "api/queues/dead_letter_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

http::Query query(std::initializer_list<std::pair<const char*, const char*>> pairs) {
    http::Query query;
    for (const auto& [name, value] : pairs) query.add(name, value);
    return query;
}

const char* const id = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55";

Code refused(std::string_view text) {
    const auto replay = read_replay(*parse_json(text));
    REQUIRE_FALSE(replay.has_value());
    return replay.error().code;
}

} // namespace

TEST_CASE("a list of jobs is narrowed by all of its filters") {
    const auto filter = job_filter(query({{"state", "dead"},
                                          {"kind", "echo"},
                                          {"queue", "q"},
                                          {"tag", "site=a=b"},
                                          {"flow", id},
                                          {"cursor", id},
                                          {"created_after", "2030-01-01T00:00:00Z"},
                                          {"limit", "7"}}));
    REQUIRE(filter.has_value());
    CHECK(filter->state == values::JobState::dead);
    CHECK(filter->tag == std::pair<std::string, std::string>{"site", "a=b"});
    CHECK(filter->flow->text() == id);
    CHECK(filter->before->text() == id);
    CHECK(filter->created_after.has_value());
    CHECK(filter->limit == 7);
}

TEST_CASE("a filter that is wrong or unknown is refused") {
    for (const auto& [name, value] : {std::pair{"state", "happy"},
                                      {"tag", "novalue"},
                                      {"tag", "=x"},
                                      {"flow", "x"},
                                      {"cursor", "!"},
                                      {"limit", "0"},
                                      {"limit", "1001"},
                                      {"created_before", "never"},
                                      {"sort", "id"}})
        CHECK_FALSE(job_filter(query({{name, value}})).has_value());
    for (const auto& [name, value] :
         {std::pair{"state", "dead"}, {"died_after", "x"}, {"created_after", "2030-01-01T00:00:00Z"}})
        CHECK_FALSE(dead_filter(query({{name, value}})).has_value());
}

TEST_CASE("dead letters are narrowed by what they died of and when") {
    const auto filter = dead_filter(query({{"error_code", "timed_out"},
                                           {"died_after", "2030-01-01T00:00:00Z"},
                                           {"died_before", "2030-01-02T00:00:00Z"}}));
    REQUIRE(filter.has_value());
    CHECK(filter->error_code == "timed_out");
    CHECK(filter->died_after < filter->died_before);
    CHECK(filter->limit == 50);
}

TEST_CASE("a replay names what it wants, even when that is everything") {
    const auto all = read_replay(*parse_json(R"({"filter":{}})"));
    REQUIRE(all.has_value());
    CHECK(all->replay.filter.limit == 0);
    CHECK_FALSE(all->dry_run);
    CHECK(refused("{}") == Code::unprocessable);
    CHECK(refused(R"({"dry_run":true})") == Code::unprocessable);
    CHECK(refused(R"({"filter":null})") == Code::unprocessable);
    CHECK(refused(R"({"filter":[]})") == Code::unprocessable);
    CHECK(refused("7") == Code::unprocessable);
}

TEST_CASE("a replay takes a filter with ids, a payload and a rate") {
    const auto some = read_replay(*parse_json(std::string{R"({"filter":{"queue":"q","ids":[")"} + id +
                                              R"("]},"payload":{"a":1},"rate_per_second":2.5,"dry_run":true})"));
    REQUIRE(some.has_value());
    CHECK(some->replay.filter.queue == "q");
    REQUIRE(some->replay.filter.ids.size() == 1);
    CHECK(some->replay.payload == R"({"a":1})");
    CHECK(some->replay.rate_per_second == 2.5);
    CHECK(some->dry_run);
}

TEST_CASE("what a replay does not know is refused rather than passed over") {
    for (const auto* text :
         {R"({"filter":{"ids":[]}})", R"({"filter":{"ids":["x"]}})", R"({"filter":{"kind":7}})",
          R"({"filter":{"state":"dead"}})", R"({"filter":{"cursor":"0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"}})",
          R"({"filter":{},"rate_per_second":0})", R"({"filter":{},"rate":1})", R"({"filter":{},"dry_run":1})"})
        CHECK(refused(text) == Code::unprocessable);
    CHECK_FALSE(read_purge(*parse_json(R"({"filter":{},"payload":{}})")).has_value());
    CHECK(read_purge(*parse_json(R"({"filter":{"kind":"echo"}})"))->filter.kind == "echo");
}
