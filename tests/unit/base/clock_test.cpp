#include "base/clock.hpp"

#include <doctest/doctest.h>

using namespace millrace;

TEST_CASE("a timestamp is read back from its text") {
    for (const std::int64_t micros : {0LL, 1LL, -1LL, 1'700'000'000'123'456LL, 951'782'400'000'000LL,
                                      4'102'444'799'999'999LL, -2'208'988'800'000'000LL}) {
        const Timestamp moment{micros};
        CHECK(moment.text().size() == 27);
        CHECK(Timestamp::parse(moment.text()) == moment);
    }
    CHECK(Timestamp{0}.text() == "1970-01-01T00:00:00.000000Z");
    CHECK(Timestamp{-1}.text() == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("offsets, fractions and leap days are understood") {
    CHECK(Timestamp::parse("2026-01-02T03:04:05Z")->text() == "2026-01-02T03:04:05.000000Z");
    CHECK(Timestamp::parse("2026-01-02t03:04:05.5z")->text() == "2026-01-02T03:04:05.500000Z");
    CHECK(Timestamp::parse("2026-01-02 03:04:05.123456789+05:30")->text() == "2026-01-01T21:34:05.123456Z");
    CHECK(Timestamp::parse("2025-12-31T23:00:00-02:00")->text() == "2026-01-01T01:00:00.000000Z");
    CHECK(Timestamp::parse("2024-02-29T00:00:00Z").has_value());
    CHECK(Timestamp::parse("2000-02-29T00:00:00Z").has_value());
    CHECK(Timestamp::parse("2016-12-31T23:59:60Z") == Timestamp::parse("2017-01-01T00:00:00Z")); // a leap second
}

TEST_CASE("what is no moment is refused") {
    for (const char* text : {"",
                             "now",
                             "2026-01-02",
                             "2026-01-02T03:04:05",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-02-30T00:00:00Z",
                             "2023-02-29T00:00:00Z",
                             "1900-02-29T00:00:00Z",
                             "2026-01-02T24:00:00Z",
                             "2026-01-02T03:60:00Z",
                             "2026-01-02T03:04:61Z",
                             "2026-01-02T03:04:05.Z",
                             "2026-01-02T03:04:05.1234567890Z",
                             "2026-01-02T03:04:05+25:00",
                             "2026-01-02T03:04:05+0530",
                             "2026-01-02T03:04:05+05:3",
                             "2026-01-02T03:04:05Zx",
                             "2026/01/02T03:04:05Z",
                             "2026-01-02T03:04:05,5Z",
                             "02026-01-02T03:04:05Z",
                             "2026-1-02T03:04:05Z",
                             "2026-01-02X03:04:05Z",
                             "-026-01-02T03:04:05Z",
                             "2026-01-02T03:04:05+",
                             "2026-01-02T03:04:05."}) {
        CAPTURE(text);
        CHECK_FALSE(Timestamp::parse(text).has_value());
    }
}

TEST_CASE("timestamps are compared and moved by durations") {
    const Timestamp a{1'000'000};
    CHECK(a + std::chrono::seconds{1} == Timestamp{2'000'000});
    CHECK(a - std::chrono::milliseconds{1} < a);
    CHECK((Timestamp{3'000'000} - a) == std::chrono::seconds{2});
}
