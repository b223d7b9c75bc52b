#include "api/live/stream_query.hpp"

#include "http/target.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

Result<StreamQuery> read(const std::string& query, values::Role role = values::Role::operator_) {
    std::string path;
    http::Query parsed;
    REQUIRE_FALSE(http::parse_target("/stream?" + query, "localhost", {}, path, parsed));
    values::Principal who;
    who.role = role;
    return read_stream_query(parsed, who);
}

const std::string id = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55";

} // namespace

TEST_CASE("types are a list, and a subject that is a job is found as one") {
    const auto wanted = read("types=job.state,breaker&queue=night");
    REQUIRE(wanted.has_value());
    CHECK(wanted->filter.types == std::vector<std::string>{"job.state", "breaker"});
    CHECK(wanted->filter.queue == "night");
    CHECK_FALSE(wanted->filter.jobs);
    CHECK(read("subject=" + id)->filter.jobs->contains(*JobId::parse(id)));
    CHECK_FALSE(read("subject=night")->filter.jobs);
    CHECK(read("job=" + id)->filter.jobs->contains(*JobId::parse(id)));
    CHECK(read("flow=" + id)->flow == FlowId::parse(id));
}

TEST_CASE("what makes no sense is refused with its reason") {
    for (const auto* malformed : {"types=", "types=a,", "types=,a", "job=1", "flow=1"})
        CHECK(read(malformed).error().code == Code::invalid_argument);
    CHECK(read("types=" + std::string(101, ',')).error().code == Code::invalid_argument);
    CHECK(read("since=1").error().code == Code::unprocessable);
    CHECK(read("job=" + id + "&flow=" + id).error().code == Code::unprocessable);
}

TEST_CASE("who may not read stored events is refused only where there would be nothing else") {
    CHECK(read("types=breaker,job.dead", values::Role::viewer).error().code == Code::forbidden);
    for (const auto* some : {"", "types=job", "types=job.progress", "types=breaker,jobs.changed"}) {
        const auto wanted = read(some, values::Role::viewer);
        REQUIRE(wanted.has_value());
        CHECK_FALSE(wanted->filter.may_read_stored);
    }
}
