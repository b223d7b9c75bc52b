#include "model/retry_policy.hpp"

#include <doctest/doctest.h>

using millrace::model::RetryPolicy;
using std::chrono::milliseconds;

TEST_CASE("retries wait 1 s, 2 s and 4 s, give or take a fifth") {
    const RetryPolicy policy;
    CHECK(policy.delay(1, 1ULL << 63) == milliseconds{1000});
    CHECK(policy.delay(2, 1ULL << 63) == milliseconds{2000});
    CHECK(policy.delay(3, 1ULL << 63) == milliseconds{4000});
    CHECK(policy.delay(1, 0) == milliseconds{800});
    CHECK(policy.delay(1, ~0ULL) == milliseconds{1200});
}

TEST_CASE("a delay never passes the longest one") {
    const RetryPolicy policy;
    CHECK(policy.delay(60, 1ULL << 63) == policy.longest);
}
