#include "models/counts.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::models;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp noon{1'700'000'000'000'000 / 600'000'000 * 600'000'000};

Sample good(double ms, std::string_view label = "7") { return {false, ms, ms / 2, label}; }
Sample bad() { return {.error = true}; }

} // namespace

TEST_CASE("percentiles are right to about a tenth, over six decades") {
    for (const double scale : {0.05, 1.0, 30.0, 900.0}) {
        Durations durations;
        for (int i = 1; i <= 1000; ++i) durations.add(scale * i / 1000);
        CAPTURE(scale);
        CHECK(durations.percentile_ms(50) == doctest::Approx(scale * 0.5).epsilon(0.1));
        CHECK(durations.percentile_ms(95) == doctest::Approx(scale * 0.95).epsilon(0.1));
        CHECK(durations.percentile_ms(99) == doctest::Approx(scale * 0.99).epsilon(0.12));
        CHECK(durations.mean_ms() == doctest::Approx(scale * 0.5005).epsilon(0.001));
    }
}

TEST_CASE("what takes no time, for ever or a nonsensical time is counted too") {
    Durations durations;
    for (const double ms : {0.0, -1.0, 1e300, std::nan("")}) durations.add(ms);
    CHECK(durations.count() == 4);
    CHECK(Durations{}.percentile_ms(95) == 0);
    CHECK(Durations{}.mean_ms() == 0);
}

TEST_CASE("how many took longer than so long") {
    Durations durations;
    for (int i = 0; i < 90; ++i) durations.add(10);
    for (int i = 0; i < 10; ++i) durations.add(90);
    CHECK(durations.count_above(0) == 100);
    CHECK(durations.count_above(20) == 10);
    CHECK(durations.count_above(200) == 0);
}

TEST_CASE("counts are stored and read back the same, and add up") {
    Counts counts;
    for (int i = 0; i < 50; ++i) counts.add(good(3 + i, i % 5 ? "7" : "1"));
    counts.add(bad());
    counts.add(Aside::bad_input);
    counts.add(Aside::turned_away);
    counts.add(Aside::cached);
    counts.fallbacks = 2;
    counts.compared = 9;
    counts.agreed = 8;
    const auto again = Counts::from_json(counts.to_json());
    CHECK(again.to_json() == counts.to_json());
    CHECK(again.latency.percentile_ms(95) == counts.latency.percentile_ms(95));
    Counts sum;
    sum.add(counts);
    sum.add(again);
    CHECK(sum.predictions == 102);
    CHECK(sum.errors == 2);
    CHECK(sum.error_rate() == doctest::Approx(2.0 / 102));
    CHECK(sum.labels.at("7") == 80);
    CHECK(sum.latency.count() == 100);
    CHECK(Counts::from_json(json::value{"nonsense"}).predictions == 0);
}

TEST_CASE("labels beyond the hundredth are counted together") {
    Counts counts;
    for (int i = 0; i < 130; ++i) counts.add(good(1, "label " + std::to_string(i)));
    counts.add(good(1, "label 0"));
    CHECK(counts.labels.size() == Counts::most_labels);
    CHECK(counts.labels.at("label 0") == 2);
    CHECK(counts.other_labels == 30);
}

TEST_CASE("a window forgets what is older than it is long") {
    Window window{1min, 60};
    window.at(noon).add(good(1));
    window.at(noon + 30s).add(good(1));
    window.at(noon + 30min).add(bad());
    CHECK(window.total(noon + 30min).predictions == 3);
    CHECK(window.spans().size() == 2);
    CHECK(window.total(noon + 60min).predictions == 1);
    window.at(noon + 61min).add(good(1));
    CHECK(window.spans().size() == 2);
    CHECK(window.total(noon + 61min).predictions == 2);
    CHECK(window.total(noon + 10h).predictions == 0);
}

TEST_CASE("a clock that is set back counts on in the latest span") {
    Window window{1min, 60};
    window.at(noon).add(good(1));
    window.at(noon - 5min).add(good(1));
    CHECK(window.spans().size() == 1);
    CHECK(window.total(noon).predictions == 2);
}

TEST_CASE("a window that was stored goes on where it was") {
    Window window{10min, 144};
    Counts before;
    before.add(good(1));
    window.restore(noon - 10min, before);
    window.restore(noon, before);
    window.at(noon + 1min).add(good(1));
    CHECK(window.spans().size() == 2);
    CHECK(window.total(noon + 1min).predictions == 3);
    CHECK_FALSE(window.spans().front().changed);
    CHECK(window.spans().back().changed);
}
