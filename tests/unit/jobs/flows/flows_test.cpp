// Flows: one document, one transaction; counts, callback, graph, and what is refused.
#include "unit/jobs/queue_daemon.hpp"

using namespace millrace;
using namespace millrace::jobs;
using namespace millrace::jobs::test;
using values::OnFailure;

namespace {

FlowStep step(std::string ref, std::vector<std::string> parents = {}, OnFailure on_failure = OnFailure::fail) {
    FlowStep one{std::move(ref), QueueDaemon::job(), {}};
    one.job.max_attempts = 1;
    for (auto& parent : parents) one.depends_on.push_back({std::move(parent), on_failure});
    return one;
}

struct River : QueueDaemon {
    Result<FlowGraph> try_submit(NewFlow flow, std::optional<IdempotentRequest> request = std::nullopt) {
        auto graph = run(flows->submit(who, std::move(flow), std::move(request)));
        settle();
        return graph;
    }
    FlowGraph submit(NewFlow flow) {
        auto graph = try_submit(std::move(flow));
        REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().detail));
        return std::move(*graph);
    }
    FlowGraph look(FlowId id) {
        auto found = run(flows->find(who.organization, id)).value();
        REQUIRE(found.has_value());
        return std::move(*found);
    }
    JobId id(const FlowGraph& graph, std::string_view ref) {
        for (const auto& node : graph.nodes)
            if (node.ref == ref && !node.callback) return node.id;
        FAIL("no such ref");
        return {};
    }
    std::string state_of(const FlowGraph& graph, std::string_view ref) { return state(id(graph, ref)); }
};

} // namespace

TEST_CASE("a flow fans out and in, and its progress is counted") {
    River river;
    auto graph =
        river.submit({"f", {step("split"), step("a", {"split"}), step("b", {"split"}), step("join", {"a", "b"})}, {}});
    CHECK(graph.flow.name == "f");
    CHECK(graph.flow.jobs == 4);
    CHECK(graph.nodes.size() == 4);
    CHECK(graph.edges.size() == 4);
    CHECK(river.puppet.running().size() == 1);
    river.finish(river.id(graph, "split"));
    CHECK(river.puppet.running().size() == 2);
    river.finish(river.id(graph, "a"));
    CHECK(river.state_of(graph, "join") == "blocked");
    river.finish(river.id(graph, "b"));
    CHECK(river.state_of(graph, "join") == "running");
    river.finish(river.id(graph, "join"));
    const auto after = river.look(graph.flow.id);
    CHECK(after.flow.succeeded == 4);
    CHECK(after.flow.failed == 0);
    CHECK(after.flow.finished_at);
    for (const auto& node : after.nodes) CHECK(node.state == values::JobState::succeeded);
    CHECK(river.dispatcher->backlog() == 0);
}

TEST_CASE("the order in which a document names its jobs does not matter") {
    River river;
    const auto graph = river.submit({"f", {step("last", {"middle"}), step("middle", {"first"}), step("first")}, {}});
    CHECK(river.state_of(graph, "first") == "running");
    CHECK(river.state_of(graph, "middle") == "blocked");
    CHECK(river.state_of(graph, "last") == "blocked");
}

TEST_CASE("a callback runs after the last job, however they ended, and is none of them") {
    for (const bool fails : {false, true}) {
        River river;
        const auto graph = river.submit({"f", {step("a"), step("b")}, QueueDaemon::job()});
        REQUIRE(graph.flow.callback);
        CHECK(graph.flow.jobs == 2);
        CHECK(graph.nodes.size() == 3);
        river.finish(river.id(graph, "a"), fails ? Outcome{failure()} : Outcome{Success{"1", {}}});
        CHECK(river.state(*graph.flow.callback) == "blocked");
        river.finish(river.id(graph, "b"));
        CHECK(river.state(*graph.flow.callback) == "running");
        CHECK(river.look(graph.flow.id).flow.finished_at);
        river.finish(*graph.flow.callback);
        const auto after = river.look(graph.flow.id).flow;
        CHECK(after.succeeded == (fails ? 1 : 2));
        CHECK(after.failed == (fails ? 1 : 0));
    }
}

TEST_CASE("a failure goes as far as the edges let it") {
    River river;
    const auto graph = river.submit({"f",
                                     {step("a"), step("fails", {"a"}), step("ignores", {"a"}, OnFailure::ignore),
                                      step("waits", {"a"}, OnFailure::wait)},
                                     {}});
    river.finish(river.id(graph, "a"), failure());
    CHECK(river.state_of(graph, "fails") == "dead");
    CHECK(river.state_of(graph, "ignores") == "running");
    CHECK(river.state_of(graph, "waits") == "blocked");
    CHECK(river.look(graph.flow.id).flow.failed == 2);
    CHECK(river.dispatcher->backlog() == 1);
    CHECK(river.run(river.jobs->retry(river.who, river.id(graph, "a"), std::nullopt)).has_value());
    river.settle();
    river.finish(river.id(graph, "a"));
    CHECK(river.state_of(graph, "waits") == "running");
    CHECK(river.look(graph.flow.id).flow.failed == 1);
}

TEST_CASE("what is wrong with a document is said, and nothing of it is stored") {
    River river;
    const auto refused = [&](NewFlow flow) {
        const auto answer = river.try_submit(std::move(flow));
        REQUIRE_FALSE(answer.has_value());
        CHECK(river.number("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM flows) + (SELECT count(*) FROM "
                           "job_dependencies)") == 0);
        return answer.error();
    };
    CHECK(refused({"f", {step("a"), step("a")}, {}}).detail.find("\"a\"") != std::string::npos);
    CHECK(refused({"f", {step("a", {"nobody"})}, {}}).detail.find("nobody") != std::string::npos);
    CHECK(refused({"f", {step("a", {"a"})}, {}}).detail.find("circle: a") != std::string::npos);
    const auto circle = refused({"f", {step("free"), step("x", {"z"}), step("y", {"x"}), step("z", {"y"})}, {}});
    CHECK(circle.code == Code::unprocessable);
    CHECK(circle.detail.find("x, y, z") != std::string::npos);
    CHECK(circle.detail.find("free") == std::string::npos);
    auto bad = step("late", {"a"});
    bad.job.payload = R"({"bad":true})";
    CHECK(refused({"f", {step("a"), bad}, {}}).detail.find("\"late\"") != std::string::npos);
    auto callback = QueueDaemon::job();
    callback.kind = "unheard_of";
    CHECK(refused({"f", {step("a")}, callback}).detail.find("callback") != std::string::npos);
}

TEST_CASE("a flow whose later job is refused by the store takes the earlier ones back") {
    River river;
    auto unique = QueueDaemon::job();
    unique.unique = values::Unique{.key = "only", .period = {}};
    const auto holder = river.QueueDaemon::submit(unique);
    auto second = step("b", {"a"});
    second.job.unique = unique.unique;
    const auto answer = river.try_submit({"f", {step("a"), second}, {}});
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == Code::conflict);
    CHECK(answer.error().detail.find(holder.text()) != std::string::npos);
    CHECK(river.number("SELECT count(*) FROM jobs") == 1);
    CHECK(river.number("SELECT count(*) FROM flows") == 0);
    CHECK(river.dispatcher->backlog() == 0);
}

TEST_CASE("a flow that is submitted again with its key is the same flow") {
    River river;
    const IdempotentRequest key{"k", "digest", "POST /api/v1/flows"};
    const auto first = river.try_submit({"f", {step("a"), step("b", {"a"})}, {}}, key).value();
    river.finish(river.id(first, "a"));
    const auto again = river.try_submit({"f", {step("a"), step("b", {"a"})}, {}}, key).value();
    CHECK(again.flow.id == first.flow.id);
    CHECK(again.flow.succeeded == 1); // as it is now
    CHECK(river.number("SELECT count(*) FROM flows") == 1);
    CHECK(river.try_submit({"f", {step("a")}, {}}, IdempotentRequest{"k", "another", "POST /api/v1/flows"})
              .error()
              .code == Code::unprocessable);
}

TEST_CASE("a flow that is cancelled ends with all its jobs, and releases none") {
    River river;
    const auto graph = river.submit(
        {"f", {step("a"), step("b", {"a"}, OnFailure::ignore), step("c", {"b"}), step("d")}, QueueDaemon::job()});
    river.finish(river.id(graph, "d"));
    CHECK(river.run(river.flows->cancel(river.who, graph.flow.id)).value() == 4);
    river.settle();
    for (const char* ref : {"a", "b", "c"}) CHECK(river.state_of(graph, ref) == "cancelled");
    CHECK(river.state_of(graph, "d") == "succeeded");
    CHECK(river.state(*graph.flow.callback) == "cancelled");
    CHECK(river.puppet.running().empty());
    CHECK(river.dispatcher->backlog() == 0);
    const auto after = river.look(graph.flow.id).flow;
    CHECK(after.failed == 3);
    CHECK(after.succeeded == 1);
    CHECK(after.finished_at);
    CHECK(river.run(river.flows->cancel(river.who, graph.flow.id)).value() == 0);
    CHECK(river.run(river.flows->cancel(river.who, FlowId::make())).error().code == Code::not_found);
}

TEST_CASE("flows are listed, the newest first, page by page, to their own organisation") {
    River river;
    std::vector<FlowId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(river.submit({"f" + std::to_string(i), {step("a")}, {}}).flow.id);
    const auto page = river.run(river.flows->list(river.who.organization, std::nullopt, 3)).value();
    REQUIRE(page.size() == 3);
    CHECK(page[0].id == ids[4]);
    const auto rest = river.run(river.flows->list(river.who.organization, page[2].id, 3)).value();
    REQUIRE(rest.size() == 2);
    CHECK(rest[1].id == ids[0]);
    const auto stranger = OrganizationId::make();
    CHECK(river.run(river.flows->list(stranger, std::nullopt, 3)).value().empty());
    CHECK_FALSE(river.run(river.flows->find(stranger, ids[0])).value().has_value());
}

TEST_CASE("a flow goes on where it stood when the daemon dies") {
    River river;
    const auto graph = river.submit({"f", {step("a"), step("b", {"a"}), step("c", {"b"})}, {}});
    river.finish(river.id(graph, "a"));
    river.die();
    CHECK(river.dispatcher->backlog() == 1); // c
    CHECK(river.puppet.running().at(0).job == river.id(graph, "b"));
    river.finish(river.id(graph, "b"));
    river.finish(river.id(graph, "c"));
    CHECK(river.look(graph.flow.id).flow.succeeded == 3);
}
