#include "events/live_entry.hpp"

#include "events/live_place.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::events;

namespace {

LiveEntry entry(LiveEntry::Kind kind, std::string_view type, std::string subject = {}, std::string queue = {}) {
    LiveEntry made;
    made.kind = kind;
    made.type = type;
    made.subject = std::move(subject);
    made.queue = std::move(queue);
    return made;
}

constexpr auto state = LiveEntry::Kind::state, stored = LiveEntry::Kind::stored, sample = LiveEntry::Kind::sample;

} // namespace

TEST_CASE("a type takes all that begin with it, up to a dot") {
    CHECK(type_fits("breaker.opened", "breaker"));
    CHECK(type_fits("breaker.opened", "breaker.opened"));
    CHECK_FALSE(type_fits("breaker.opened", "break"));
    CHECK_FALSE(type_fits("breaker", "breaker.opened"));
}

TEST_CASE("without types everything is taken but samples") {
    const LiveFilter any;
    CHECK(any.takes(entry(state, job_state)));
    CHECK(any.takes(entry(stored, "queue.paused")));
    CHECK_FALSE(any.takes(entry(sample, jobs_changed)));
    CHECK_FALSE(any.takes(entry(sample, service_status)));
    CHECK(any.takes_unstored());
    CHECK(any.takes_stored());
}

TEST_CASE("stored events are for those who may read them") {
    LiveFilter filter;
    filter.may_read_stored = false;
    CHECK(filter.takes(entry(state, job_state)));
    CHECK_FALSE(filter.takes(entry(stored, "job.dead")));
    CHECK_FALSE(filter.takes_stored());
    filter.types = {"job"};
    CHECK_FALSE(filter.takes(entry(stored, "job.dead")));
}

TEST_CASE("subject, queue and jobs are all asked, samples go to whoever names them") {
    LiveFilter filter{{"queue", "jobs.changed"}, "a", "a", {}, true};
    CHECK(filter.takes(entry(stored, "queue.paused", "a", "a")));
    CHECK_FALSE(filter.takes(entry(stored, "queue.paused", "b", "a")));
    CHECK_FALSE(filter.takes(entry(stored, "queue.paused", "a", "b")));
    CHECK_FALSE(filter.takes(entry(stored, "job.dead", "a", "a")));
    CHECK(filter.takes(entry(sample, jobs_changed)));
    filter.jobs.emplace({JobId::make()});
    CHECK_FALSE(filter.takes(entry(stored, "queue.paused", "a", "a")));
}

TEST_CASE("who follows stored events alone loses nothing with the log") {
    LiveFilter filter;
    filter.types = {"breaker", "queue.paused"};
    CHECK_FALSE(filter.takes_unstored());
    filter.types = {"job.progress"};
    CHECK_FALSE(filter.takes_stored());
}

TEST_CASE("a place is read as it was written") {
    const LivePlace place{12, "9f3c2a1b", 345};
    const auto read = LivePlace::parse(place.text());
    REQUIRE(read);
    CHECK(read->number == 12);
    CHECK(read->epoch == "9f3c2a1b");
    CHECK(read->position == 345);
    CHECK(LivePlace::parse("77")->number == 77);
    CHECK(LivePlace::parse("77")->epoch.empty());
    for (const auto* wrong : {"", "x", "-1", "1-", "1-a", "1-a-", "1-a-x", "1--2", "1-a--2", "99999999999999999999"})
        CHECK_FALSE(LivePlace::parse(wrong));
}
