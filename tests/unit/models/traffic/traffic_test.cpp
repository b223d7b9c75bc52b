#include "models/traffic.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace millrace;
using namespace millrace::models;

namespace {

Result<Traffic> read(std::string_view text) { return Traffic::from_json(json::parse(text)); }

Traffic split(int percent, int candidate = 4) {
    Traffic traffic;
    traffic.production = 3;
    traffic.candidate = Candidate{candidate, percent * 100};
    return traffic;
}

int share_of_candidate(const Traffic& traffic, int keys = 20'000) {
    int count = 0;
    for (int i = 0; i < keys; ++i) count += choose(traffic, "digits", "key-" + std::to_string(i)) == Side::candidate;
    return count * 100 / keys;
}

} // namespace

TEST_CASE("a traffic is read as it is documented, and written as it is read") {
    const auto traffic = read(R"({"production":"3","candidate":{"version":"4","percent":12.5},"shadow":"5",
        "fallback":{"model":"small","version":"1"},"rollback":{"min_samples":50,"max_latency_ratio":3}})");
    REQUIRE(traffic.has_value());
    CHECK(traffic->production == 3);
    CHECK(traffic->candidate->version == 4);
    CHECK(traffic->candidate->basis_points == 1250);
    CHECK(traffic->shadow == 5);
    CHECK(traffic->fallback->model == "small");
    CHECK(traffic->rollback->min_samples == 50);
    CHECK(traffic->rollback->max_latency_ratio == 3);
    CHECK(traffic->rollback->max_error_rate_increase == 0.02);
    CHECK(traffic->versions() == std::vector<int>{3, 4, 5});
    const auto again = Traffic::from_json(traffic->to_json());
    REQUIRE(again.has_value());
    CHECK(*again == *traffic);
}

TEST_CASE("without a word about it a candidate is judged, and false leaves it alone") {
    CHECK(read(R"({"production":"3"})")->rollback.has_value());
    CHECK_FALSE(read(R"({"production":"3","rollback":false})")->rollback.has_value());
    CHECK_FALSE(Traffic::from_json(read(R"({"production":"3","rollback":false})")->to_json())->rollback.has_value());
}

TEST_CASE("a traffic that cannot be is refused") {
    for (const char* bad :
         {"[]", "{}", R"({"production":3})", R"({"production":"0"})", R"({"production":"3","surprise":1})",
          R"({"production":"3","candidate":"4"})", R"({"production":"3","candidate":{"version":"4"}})",
          R"({"production":"3","candidate":{"version":"4","percent":101}})",
          R"({"production":"3","candidate":{"version":"4","percent":-1}})",
          R"({"production":"3","candidate":{"version":"3","percent":5}})", R"({"production":"3","shadow":"3"})",
          R"({"production":"3","candidate":{"version":"4","percent":5},"shadow":"4"})",
          R"({"production":"3","fallback":"small"})", R"({"production":"3","fallback":{"version":"1"}})",
          R"({"production":"3","fallback":{"model":"../x"}})", R"({"production":"3","rollback":true})",
          R"({"production":"3","rollback":{"min_samples":0}})",
          R"({"production":"3","rollback":{"max_latency_ratio":0.5}})",
          R"({"production":"3","rollback":{"min_sample":5}})"}) {
        CAPTURE(bad);
        const auto traffic = read(bad);
        REQUIRE_FALSE(traffic.has_value());
        CHECK(traffic.error().code == Code::unprocessable);
    }
}

TEST_CASE("a candidate gets its share of the keys, within a hundredth") {
    for (const int percent : {0, 1, 10, 50, 90, 99, 100}) {
        CAPTURE(percent);
        const int share = share_of_candidate(split(percent));
        CHECK(share >= percent - 1);
        CHECK(share <= percent + 1);
    }
    CHECK(share_of_candidate(split(0)) == 0);
    CHECK(share_of_candidate(split(100)) == 100);
}

TEST_CASE("a key stays on its side, also while the share grows") {
    for (int i = 0; i < 2000; ++i) {
        const auto key = std::to_string(i);
        const auto side = choose(split(20), "digits", key);
        CHECK(choose(split(20), "digits", key) == side);
        if (side == Side::candidate) CHECK(choose(split(30), "digits", key) == Side::candidate);
    }
}

TEST_CASE("another candidate, and another model, meet other keys") {
    int both = 0, of_another_model = 0, first = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto key = std::to_string(i);
        if (choose(split(10, 4), "digits", key) != Side::candidate) continue;
        ++first;
        both += choose(split(10, 5), "digits", key) == Side::candidate;
        of_another_model += choose(split(10, 4), "letters", key) == Side::candidate;
    }
    CHECK(both < first / 4);
    CHECK(of_another_model < first / 4);
}

TEST_CASE("without a candidate all goes to production") {
    Traffic traffic;
    traffic.production = 3;
    CHECK(choose(traffic, "digits", "") == Side::production);
}
