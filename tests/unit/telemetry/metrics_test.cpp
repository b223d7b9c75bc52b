#include "telemetry/metrics.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

using namespace millrace::telemetry;

namespace {
bool has_line(const std::string& text, const std::string& line) {
    return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}
} // namespace

TEST_CASE("families are rendered with help and type before their series") {
    Metrics metrics;
    metrics.counter("requests_total", "Requests.", {{"method", "GET"}, {"code", "200"}}).add(3);
    metrics.counter("requests_total", "Requests.", {{"method", "PUT"}, {"code", "201"}}).add();
    metrics.gauge("depth", "Depth.").set(-4);
    CHECK(metrics.render() == "# HELP depth Depth.\n"
                              "# TYPE depth gauge\n"
                              "depth -4\n"
                              "# HELP requests_total Requests.\n"
                              "# TYPE requests_total counter\n"
                              "requests_total{code=\"200\",method=\"GET\"} 3\n"
                              "requests_total{code=\"201\",method=\"PUT\"} 1\n");
}

TEST_CASE("the same name and labels give the same instrument, another type is refused") {
    Metrics metrics;
    auto& first = metrics.counter("n", "N.", {{"a", "1"}});
    CHECK(&first == &metrics.counter("n", "N.", {{"a", "1"}}));
    CHECK(&first != &metrics.counter("n", "N.", {{"a", "2"}}));
    CHECK_THROWS_AS(metrics.gauge("n", "N."), std::logic_error);
}

TEST_CASE("backslashes, quotes and line breaks in labels and help are escaped") {
    Metrics metrics;
    metrics.counter("n", "a\\b\nc\"d", {{"path", "a\\b\"c\nd"}}).add();
    const auto text = metrics.render();
    CHECK(has_line(text, "# HELP n a\\\\b\\nc\"d"));
    CHECK(has_line(text, "n{path=\"a\\\\b\\\"c\\nd\"} 1"));
}

TEST_CASE("histogram buckets are cumulative, bounds belong to their bucket, and the last is the count") {
    Metrics metrics;
    auto& histogram = metrics.histogram("seconds", "S.", {{"queue", "q"}});
    histogram.observe(0.0001); // exactly a bound
    histogram.observe(0.3);
    histogram.observe(1000);
    histogram.observe(-1); // a clock that went back
    const auto text = metrics.render();
    CHECK(has_line(text, "# TYPE seconds histogram"));
    CHECK(has_line(text, "seconds_bucket{queue=\"q\",le=\"0.0001\"} 2"));
    CHECK(has_line(text, "seconds_bucket{queue=\"q\",le=\"0.25\"} 2"));
    CHECK(has_line(text, "seconds_bucket{queue=\"q\",le=\"0.5\"} 3"));
    CHECK(has_line(text, "seconds_bucket{queue=\"q\",le=\"60\"} 3"));
    CHECK(has_line(text, "seconds_bucket{queue=\"q\",le=\"+Inf\"} 4"));
    CHECK(has_line(text, "seconds_sum{queue=\"q\"} 1000.3001"));
    CHECK(has_line(text, "seconds_count{queue=\"q\"} 4"));
}

TEST_CASE("a gauge that is read is asked at each scrape") {
    Metrics metrics;
    int asked = 0;
    metrics.gauge("free", "Free.", {}, [&] { return ++asked * 1.5; });
    CHECK(has_line(metrics.render(), "free 1.5"));
    CHECK(has_line(metrics.render(), "free 3"));
}

TEST_CASE("what is an organisation's is rendered to it alone, and equal names stay apart") {
    Metrics metrics;
    metrics.counter("items_total", "Items.", {{"organization", "a"}, {"model", "digits"}}).add(1);
    metrics.counter("items_total", "Items.", {{"organization", "b"}, {"model", "digits"}}).add(2);
    metrics.counter("all_total", "All.").add(3);
    CHECK(has_line(metrics.render("a"), "items_total{model=\"digits\"} 1"));
    CHECK(has_line(metrics.render("b"), "items_total{model=\"digits\"} 2"));
    for (const auto* who : {"", "c"}) {
        CHECK(metrics.render(who).find("items_total") == std::string::npos);
        CHECK(has_line(metrics.render(who), "all_total 3"));
    }
}

TEST_CASE("instruments count exactly under several threads while others render") {
    Metrics metrics;
    auto& counter = metrics.counter("n", "N.");
    auto& histogram = metrics.histogram("h", "H.");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 10000; ++i) {
                counter.add();
                histogram.observe(0.01);
                if (i % 1000 == 0) (void)metrics.render();
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(counter.value() == 40000);
    CHECK(has_line(metrics.render(), "h_count 40000"));
}
