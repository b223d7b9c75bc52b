#include "values/retry_policy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

using namespace millrace;
using values::RetryPolicy;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

RetryPolicy read(const std::string& text) {
    const auto policy = RetryPolicy::from_json(json::parse(text));
    REQUIRE_MESSAGE(policy.has_value(), (policy ? "" : policy.error().detail));
    return *policy;
}

void check_refused(const std::string& text, const std::string& named) {
    const auto policy = RetryPolicy::from_json(json::parse(text));
    REQUIRE_MESSAGE(!policy.has_value(), text);
    CHECK(policy.error().code == Code::unprocessable);
    CHECK_MESSAGE(policy.error().detail.find(named) != std::string::npos, policy.error().detail);
}

std::vector<milliseconds> plan(const RetryPolicy& policy, int failures) {
    std::vector<milliseconds> delays;
    for (int n = 1; n <= failures; ++n) delays.push_back(policy.planned(n));
    return delays;
}

constexpr std::uint64_t middle = 1ULL << 63;

} // namespace

TEST_CASE("retries wait 1 s, 2 s and 4 s, give or take a fifth") {
    const RetryPolicy policy;
    CHECK(policy.delay(1, middle) == 1000ms);
    CHECK(policy.delay(2, middle) == 2000ms);
    CHECK(policy.delay(3, middle) == 4000ms);
    CHECK(policy.delay(1, 0) == 800ms);
    CHECK(policy.delay(1, ~0ULL) == 1200ms);
}

TEST_CASE("a delay never passes the longest one, not even far beyond what numbers hold") {
    const RetryPolicy policy;
    for (const int failures : {13, 60, 1000, 100'000}) CHECK(policy.delay(failures, middle) == policy.longest);
}

TEST_CASE("each back-off plans its delays") {
    CHECK(plan(read(R"({"backoff":"exponential","first_seconds":0.5,"factor":3})"), 4) ==
          std::vector{500ms, 1500ms, 4500ms, 13'500ms});
    CHECK(plan(read(R"({"backoff":"linear","first_seconds":2})"), 4) == std::vector{2000ms, 4000ms, 6000ms, 8000ms});
    CHECK(plan(read(R"({"backoff":"fixed","first_seconds":7})"), 3) == std::vector{7000ms, 7000ms, 7000ms});
    CHECK(plan(read(R"({"backoff":"list","delays_seconds":[1,5,30]})"), 5) ==
          std::vector{1000ms, 5000ms, 30'000ms, 30'000ms, 30'000ms});
    CHECK(plan(read(R"({"backoff":"polynomial"})"), 4) ==
          std::vector{16'000ms, 31'000ms, 96'000ms, 271'000ms}); // as Sidekiq's, less its dice
}

TEST_CASE("before the first failure the first delay is planned") {
    for (const char* name : {"exponential", "linear", "fixed", "polynomial"}) {
        const auto policy = read('"' + std::string{name} + '"');
        CHECK(policy.planned(0) == policy.planned(1));
        CHECK(policy.planned(-5) == policy.planned(1));
    }
    CHECK(read(R"({"backoff":"list","delays_seconds":[3,4]})").planned(0) == 3000ms);
}

TEST_CASE("the longest delay bounds every back-off") {
    CHECK(plan(read(R"({"backoff":"linear","first_seconds":10,"longest_seconds":25})"), 4) ==
          std::vector{10'000ms, 20'000ms, 25'000ms, 25'000ms});
    CHECK(read(R"({"backoff":"polynomial","longest_seconds":60})").planned(9) == 60'000ms);
    CHECK(read(R"({"backoff":"list","delays_seconds":[500],"longest_seconds":60})").planned(1) == 60'000ms);
    CHECK(read(R"({"backoff":"fixed","first_seconds":90,"longest_seconds":60})").planned(1) == 60'000ms);
}

TEST_CASE("long lists and the polynomial are not cut at an hour unless somebody says so") {
    CHECK(read(R"({"backoff":"list","delays_seconds":[86400]})").planned(1) == 86'400'000ms);
    CHECK(read(R"("polynomial")").planned(10) == 10'015'000ms);
}

TEST_CASE("jitter stays within its share, and none is none") {
    std::mt19937_64 random{7};
    for (const double jitter : {0.0, 0.1, 0.5, 1.0}) {
        const auto policy = read(R"({"backoff":"fixed","first_seconds":100,"jitter":)" + std::to_string(jitter) + "}");
        double sum = 0;
        for (int i = 0; i < 2000; ++i) {
            const auto delay = static_cast<double>(policy.delay(1, random()).count());
            CHECK(delay >= 100'000 * (1 - jitter) - 1);
            CHECK(delay <= 100'000 * (1 + jitter) + 1);
            sum += delay;
        }
        CHECK(std::abs(sum / 2000 - 100'000) <= 100'000 * jitter * 0.06 + 1); // about the middle
    }
}

TEST_CASE("some errors are not tried again") {
    const auto policy = read(R"({"never":["bad_input","no_such_model"]})");
    CHECK_FALSE(policy.retries("bad_input"));
    CHECK_FALSE(policy.retries("no_such_model"));
    CHECK(policy.retries("timed_out"));
    CHECK(policy.retries("bad"));
    CHECK(RetryPolicy{}.retries("bad_input"));
}

TEST_CASE("a back-off may be named alone") {
    CHECK(read(R"("fixed")").backoff == RetryPolicy::Backoff::fixed);
    CHECK(read(R"("polynomial")").backoff == RetryPolicy::Backoff::polynomial);
    CHECK(read("{}").backoff == RetryPolicy::Backoff::exponential);
}

TEST_CASE("a policy reads back what it wrote") {
    for (
        const char* text :
        {"{}", R"("linear")", R"("polynomial")", R"({"backoff":"list","delays_seconds":[0,0.25,3600]})",
         R"({"backoff":"exponential","first_seconds":0.05,"factor":1.5,"longest_seconds":9,"jitter":0,"never":["a","b"]})",
         R"({"backoff":"fixed","first_seconds":2592000,"longest_seconds":2592000})"}) {
        const auto once = read(text), twice = read(json::serialize(once.to_json()));
        CHECK(once.backoff == twice.backoff);
        CHECK(once.first == twice.first);
        CHECK(once.factor == twice.factor);
        CHECK(once.longest == twice.longest);
        CHECK(once.jitter == twice.jitter);
        CHECK(once.delays == twice.delays);
        CHECK(once.never == twice.never);
        CHECK(plan(once, 20) == plan(twice, 20));
    }
}

TEST_CASE("a wrong policy is refused with the name of what is wrong") {
    check_refused("17", "retry");
    check_refused("[]", "retry");
    check_refused(R"("sometimes")", "backoff");
    check_refused(R"("list")", "delays_seconds");
    check_refused(R"({"backoff":"never"})", "backoff");
    check_refused(R"({"backoff":7})", "backoff");
    check_refused(R"({"base":2})", "base");
    check_refused(R"({"first_seconds":-1})", "first_seconds");
    check_refused(R"({"first_seconds":2592001})", "first_seconds");
    check_refused(R"({"first_seconds":"1"})", "first_seconds");
    check_refused(R"({"factor":0.5})", "factor");
    check_refused(R"({"factor":101})", "factor");
    check_refused(R"({"longest_seconds":-1})", "longest_seconds");
    check_refused(R"({"jitter":1.1})", "jitter");
    check_refused(R"({"jitter":-0.1})", "jitter");
    check_refused(R"({"backoff":"list"})", "delays_seconds");
    check_refused(R"({"backoff":"list","delays_seconds":[]})", "delays_seconds");
    check_refused(R"({"backoff":"list","delays_seconds":[1,-2]})", "delays_seconds");
    check_refused(R"({"backoff":"list","delays_seconds":[1,"2"]})", "delays_seconds");
    check_refused(R"({"backoff":"fixed","delays_seconds":[1]})", "delays_seconds");
    check_refused(R"({"never":"bad_input"})", "never");
    check_refused(R"({"never":[1]})", "never");
    const std::string long_list = "[" + [] {
        std::string all = "1";
        for (int i = 0; i < 100; ++i) all += ",1";
        return all;
    }() + "]";
    check_refused(R"({"backoff":"list","delays_seconds":)" + long_list + "}", "delays_seconds");
}
