#include "jobs/dispatch/rate_meter.hpp"

#include <doctest/doctest.h>

using millrace::jobs::RateMeter;
using std::chrono::seconds;

TEST_CASE("the rate is the mean of the last ten full seconds") {
    RateMeter meter;
    const RateMeter::Time begin{seconds{1000}};
    for (int second = 0; second < 10; ++second) meter.add(begin + seconds{second}, 5);
    CHECK(meter.per_second(begin + seconds{10}) == doctest::Approx(5));
    CHECK(meter.per_second(begin + seconds{15}) == doctest::Approx(2.5));
    CHECK(meter.per_second(begin + seconds{40}) == doctest::Approx(0));
}

TEST_CASE("the second that is still running does not count") {
    RateMeter meter;
    meter.add(RateMeter::Time{seconds{1000}}, 100);
    CHECK(meter.per_second(RateMeter::Time{seconds{1000}}) == doctest::Approx(0));
    CHECK(meter.per_second(RateMeter::Time{seconds{1001}}) == doctest::Approx(10));
}
