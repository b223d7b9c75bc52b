#include "inference/engine/statistics.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::inference;

TEST_CASE("every failure is counted by its reason, and only those of the server and the model against it") {
    const auto version = std::make_shared<const ModelVersion>(ModelVersion{{}, "m", "1", "", "", nullptr});
    Statistics statistics;
    statistics.failed(version, FailureReason::bad_input, 1);
    statistics.failed(version, FailureReason::cancelled, 1);
    statistics.failed(version, FailureReason::model_failed, 2);
    statistics.failed(version, FailureReason::model_failed, 3);
    const auto all = statistics.all();
    REQUIRE(all.size() == 1);
    CHECK(all[0].fail.count == 2);
    CHECK(all[0].fail.ns == 5'000'000);
    CHECK(all[0].failures == std::map<FailureReason, std::uint64_t>{{FailureReason::bad_input, 1},
                                                                    {FailureReason::model_failed, 2},
                                                                    {FailureReason::cancelled, 1}});
}
