#include "api/queues/queue_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

TEST_CASE("a queue shows its settings, counts, rates and breaker") {
    jobs::QueueView queue;
    queue.name = "night";
    queue.settings.concurrency = 3;
    queue.counts.queued = 4;
    queue.counts.scheduled = 2;
    queue.counts.blocked = 1;
    queue.counts.running = 3;
    queue.counts.oldest_seconds = 12.5;
    queue.counts.ended[values::JobState::dead] = 9;
    queue.breaker.state = values::BreakerView::State::open;
    queue.breaker.reopens_in = std::chrono::milliseconds{2500};
    const auto written = write_queue(queue);
    CHECK(written.at("settings").at("concurrency") == 3);
    CHECK(written.at("settings").at("external") == false);
    CHECK(written.at("depth") == 7);
    CHECK(written.at("running") == 3);
    CHECK(written.at("oldest_age_seconds") == 12.5);
    CHECK(written.at("paused") == false);
    CHECK(written.at("pause").is_null());
    CHECK(written.at("ended").at("dead") == 9);
    CHECK(written.at("ended").at("succeeded") == 0);
    CHECK(written.at("breaker").at("state") == "open");
    CHECK(written.at("breaker").at("reopens_in_seconds") == 2.5);
}

TEST_CASE("a paused queue says since when, until when, why and by whom") {
    jobs::QueueView queue;
    queue.pause = values::Pause{Timestamp{1'000'000}, std::nullopt, "the printer is empty", "ops"};
    CHECK(write_queue(queue).at("pause") == json::value{{"since", "1970-01-01T00:00:01.000000Z"},
                                                        {"until", nullptr},
                                                        {"reason", "the printer is empty"},
                                                        {"actor", "ops"}});
}

TEST_CASE("a pause needs a reason, and may end by itself") {
    CHECK(read_pause({{"reason", "repair"}})->reason == "repair");
    CHECK(read_pause({{"reason", "repair"}, {"until", "2030-01-01T00:00:00Z"}})->until.has_value());
    CHECK_FALSE(read_pause({}).has_value());
    CHECK_FALSE(read_pause({{"reason", ""}}).has_value());
    CHECK_FALSE(read_pause({{"reason", "x"}, {"until", "later"}}).has_value());
    CHECK_FALSE(read_pause({{"reason", "x"}, {"for", 3}}).has_value());
}
