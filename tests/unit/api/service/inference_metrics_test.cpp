#include "api/service/inference_metrics.hpp"
#include "values/principal.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

inference::ModelStatistics counted(OrganizationId organization, std::string name) {
    inference::ModelStatistics made;
    made.version = std::make_shared<const inference::ModelVersion>(
        inference::ModelVersion{organization, std::move(name), "2", "", "", nullptr});
    made.inference_count = 12;
    made.execution_count = 3;
    made.success = {5, 7'000'000};
    made.fail = {1, 500'000};
    using inference::FailureReason;
    made.failures = {{FailureReason::bad_input, 1},
                     {FailureReason::model_failed, 2},
                     {FailureReason::worker_lost, 3},
                     {FailureReason::timed_out, 4},
                     {FailureReason::unavailable, 5}};
    made.pending = 4;
    return made;
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("models are counted under the names that dashboards know") {
    const auto ours = values::default_organization;
    const auto text = inference_metrics({counted(ours, "digits"), counted(ours, "cover")}, ours);
    CHECK(has_line(text, "# TYPE nv_inference_request_success counter"));
    CHECK(has_line(text, "nv_inference_request_success{model=\"digits\",version=\"2\"} 5"));
    for (const auto* reason : {"OTHER\"} 1", "BACKEND\"} 5", "REJECTED\"} 9", "CANCELED\"} 0"})
        CHECK(has_line(text,
                       std::string{"nv_inference_request_failure{model=\"cover\",version=\"2\",reason=\""} + reason));
    CHECK(has_line(text, "nv_inference_count{model=\"digits\",version=\"2\"} 12"));
    CHECK(has_line(text, "nv_inference_exec_count{model=\"digits\",version=\"2\"} 3"));
    CHECK(has_line(text, "nv_inference_request_duration_us{model=\"digits\",version=\"2\"} 7500"));
    CHECK(has_line(text, "nv_inference_pending_request_count{model=\"digits\",version=\"2\"} 4"));
    const std::string type = "# TYPE nv_inference_count ";
    CHECK(text.find(type) == text.rfind(type)); // said once, however many models
}

TEST_CASE("nobody reads of another organisation's models") {
    const auto ours = values::default_organization;
    const auto theirs = OrganizationId::parse("00000000-0000-7000-8000-000000000002").value();
    CHECK(inference_metrics({counted(theirs, "secret")}, ours).empty());
    CHECK(inference_metrics({counted(theirs, "secret"), counted(ours, "digits")}, ours).find("secret") ==
          std::string::npos);
}
