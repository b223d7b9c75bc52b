#include "api/flows/flow_json.hpp"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::api;

namespace {

Result<jobs::NewFlow> take(std::string_view text) {
    auto document = parse_json(text);
    REQUIRE(document.has_value());
    return take_flow(*document);
}

std::string refused(std::string_view text) {
    const auto flow = take(text);
    REQUIRE_FALSE(flow.has_value());
    CHECK(flow.error().code == Code::unprocessable);
    return flow.error().detail;
}

} // namespace

TEST_CASE("a flow has jobs by ref, edges with policies and a callback") {
    const auto flow = take(
        R"({"name":"nightly","jobs":[{"ref":"a","kind":"echo","payload":{"n":1}},{"ref":"b","kind":"echo","depends_on":["a"]},)"
        R"({"ref":"c","kind":"echo","depends_on":[{"ref":"a","on_failure":"ignore"},"b",{"job":"0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"}]}],)"
        R"("callback":{"kind":"sleep"}})");
    REQUIRE(flow.has_value());
    CHECK(flow->name == "nightly");
    REQUIRE(flow->steps.size() == 3);
    CHECK(flow->steps[0].job.payload == R"({"n":1})");
    CHECK(flow->steps[0].depends_on.empty());
    REQUIRE(flow->steps[2].depends_on.size() == 2);
    CHECK(flow->steps[2].depends_on[0].parent == "a");
    CHECK(flow->steps[2].depends_on[0].on_failure == values::OnFailure::ignore);
    CHECK(flow->steps[2].depends_on[1].on_failure == values::OnFailure::fail);
    CHECK(flow->steps[2].job.depends_on.size() == 1);
    CHECK(flow->callback->kind == "sleep");
}

TEST_CASE("in a chain each job depends on the one before") {
    const auto flow = take(R"({"chain":[{"kind":"echo"},{"kind":"echo","ref":"middle"},{"kind":"echo"}]})");
    REQUIRE(flow.has_value());
    REQUIRE(flow->steps.size() == 3);
    CHECK(flow->steps[0].ref == "1");
    CHECK(flow->steps[0].depends_on.empty());
    CHECK(flow->steps[1].depends_on.at(0).parent == "1");
    CHECK(flow->steps[2].depends_on.at(0).parent == "middle");
}

TEST_CASE("a flow that is wrong says which job is") {
    CHECK(refused("{}").find("chain") != std::string::npos);
    CHECK(refused(R"({"jobs":[],"chain":[]})").find("chain") != std::string::npos);
    CHECK(refused(R"({"jobs":[]})").find("1 to 1000") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"ref":"a","kind":"echo","queue":"A"}]})").find("job \"a\"") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"kind":"echo"},7]})").find("job 2") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"ref":"a","kind":"echo","depends_on":[7]}]})").find("job \"a\"") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"ref":"a","kind":"echo","depends_on":[{"ref":"b","on_failure":"cry"}]}]})")
              .find("on_failure") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"ref":"","kind":"echo"}]})").find("ref") != std::string::npos);
    CHECK(refused(R"({"chain":[{"kind":"echo","depends_on":["x"]}]})").find("chain") != std::string::npos);
    CHECK(
        refused(
            R"({"jobs":[{"kind":"echo"}],"callback":{"kind":"echo","depends_on":["0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"]}})")
            .find("callback") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"kind":"echo"}],"callback":{}})").find("callback") != std::string::npos);
    CHECK(refused(R"({"jobs":[{"kind":"echo"}],"title":"x"})").find("title") != std::string::npos);
}

TEST_CASE("a flow tells its state and progress, its nodes and edges") {
    jobs::FlowGraph graph;
    graph.flow.id = FlowId::make();
    graph.flow.jobs = 4;
    graph.flow.succeeded = 1;
    CHECK(write_flow(graph.flow).at("state") == "running");
    CHECK(write_flow(graph.flow).at("progress_percent") == 25);
    graph.flow.succeeded = 3;
    graph.flow.failed = 1;
    graph.flow.finished_at = Timestamp{1};
    CHECK(write_flow(graph.flow).at("state") == "failed");
    graph.flow.succeeded = 4;
    graph.flow.failed = 0;
    CHECK(write_flow(graph.flow).at("state") == "succeeded");
    CHECK(write_flow(graph.flow).at("callback").is_null());

    const auto parent = JobId::make(), child = JobId::make();
    graph.flow.callback = child;
    graph.nodes = {{parent, "a", "echo", "default", values::JobState::succeeded, 1, 100, false},
                   {child, "", "echo", "default", values::JobState::queued, 0, 0, true}};
    graph.edges = {{parent, child, values::OnFailure::ignore}};
    const auto written = write_flow(graph);
    CHECK(written.at("callback") == child.text().c_str());
    CHECK(written.at("nodes").at(0).at("ref") == "a");
    CHECK(written.at("nodes").at(1).at("callback") == true);
    CHECK(written.at("edges").at(0) ==
          json::value{{"from", parent.text()}, {"to", child.text()}, {"on_failure", "ignore"}});
}
