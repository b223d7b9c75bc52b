#include "api/flows/flow_json.hpp"

#include "api/jobs/job_input.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::api {
namespace {

constexpr std::size_t most_steps = 1000, longest_ref = 64, longest_name = 200;

Error wrong(std::string_view what) { return {Code::unprocessable, std::string{what}}; }
Error in_step(std::string_view ref, const Error& error) {
    return {error.code, fmt::format("job \"{}\": {}", ref, error.detail)};
}

// A second edge from the same parent would be waited for and never settled.
template <class Edge>
Result<void> add(Edge edge, std::vector<Edge>& edges) {
    const auto same = [&](const Edge& earlier) { return earlier.parent == edge.parent; };
    if (std::any_of(edges.begin(), edges.end(), same)) return wrong("\"depends_on\" names the same job twice");
    edges.push_back(std::move(edge));
    return success();
}

// One entry of a step's "depends_on": an edge to another step, or to a job that exists already.
Result<void> read_edge(const json::value& value, jobs::FlowStep& step) {
    const auto bad = wrong("\"depends_on\" lists refs of other jobs of the flow, or "
                           "{\"ref\":\"a\",\"on_failure\":\"ignore\"}, or {\"job\":\"<id>\"}");
    if (const auto* ref = value.if_string())
        return add(jobs::FlowEdge{std::string{ref->data(), ref->size()}}, step.depends_on);
    const auto* object = value.if_object();
    if (!object) return bad;
    if (object->contains("job")) {
        const auto dependency = read_dependency(value);
        if (!dependency) return dependency.error();
        return add(*dependency, step.job.depends_on);
    }
    if (!only_fields(*object, {"ref", "on_failure"})) return bad;
    auto ref = string_field(*object, "ref", longest_ref);
    if (!ref || !*ref) return bad;
    const auto policy = read_on_failure(*object);
    if (!policy) return policy.error();
    return add(jobs::FlowEdge{std::move(**ref), *policy}, step.depends_on);
}

Result<void> read_edges(const json::value& value, jobs::FlowStep& step) {
    if (value.is_null()) return success();
    const auto* list = value.if_array();
    if (!list || list->size() > most_steps)
        return wrong(fmt::format("\"depends_on\" must be a list of at most {} entries", most_steps));
    for (const auto& each : *list)
        if (auto done = read_edge(each, step); !done) return done;
    return success();
}

// The ref that a step gives itself, or its number.
Result<std::string> read_ref(const json::object& object, std::size_t number) {
    auto ref = string_field(object, "ref", longest_ref);
    if (!ref) return ref.error();
    if (*ref && (*ref)->empty()) return wrong(fmt::format("\"ref\" must be a text of 1 to {} bytes", longest_ref));
    return ref->value_or(std::to_string(number));
}

Result<jobs::FlowStep> take_step(json::value& value, std::size_t number, bool in_chain) {
    auto* object = value.if_object();
    if (!object) return wrong(fmt::format("job {} of the flow is no JSON object", number));
    auto ref = read_ref(*object, number);
    if (!ref) return ref.error();
    const auto edges =
        object->contains("depends_on") ? std::optional{std::move(object->at("depends_on"))} : std::nullopt;
    object->erase("ref");
    object->erase("depends_on");
    auto job = read_new_job(*object);
    if (!job) return in_step(*ref, job.error());
    jobs::FlowStep step{std::move(*ref), std::move(*job), {}};
    if (!edges) return step;
    if (in_chain)
        return in_step(step.ref, wrong("in a \"chain\" each job depends on the one before; for anything else list "
                                       "them in \"jobs\""));
    if (auto done = read_edges(*edges, step); !done) return in_step(step.ref, done.error());
    return step;
}

Result<std::vector<jobs::FlowStep>> take_steps(json::object& document) {
    const bool chain = document.contains("chain");
    if (chain == document.contains("jobs"))
        return wrong("a flow has \"jobs\", or in its short form a \"chain\": "
                     "{\"chain\":[{\"kind\":\"echo\"},{\"kind\":\"echo\"}]}");
    const char* member = chain ? "chain" : "jobs";
    auto* list = document.at(member).if_array();
    if (!list || list->empty() || list->size() > most_steps)
        return wrong(fmt::format("\"{}\" must be a list of 1 to {} jobs", member, most_steps));
    std::vector<jobs::FlowStep> steps;
    steps.reserve(list->size());
    std::size_t edges = 0;
    for (auto& each : *list) {
        auto step = take_step(each, steps.size() + 1, chain);
        if (!step) return step.error();
        edges += step->depends_on.size() + step->job.depends_on.size();
        if (edges > jobs::most_edges)
            return wrong(
                fmt::format("the jobs of a flow may have {} entries in \"depends_on\" all together; a job that "
                            "waits for all of a stage, and for which the next stage waits, takes few",
                            jobs::most_edges));
        if (chain && !steps.empty()) step->depends_on.push_back({steps.back().ref, values::OnFailure::fail});
        steps.push_back(std::move(*step));
    }
    return steps;
}

std::string_view state(const jobs::Flow& flow) {
    return !flow.finished_at ? "running" : flow.failed > 0 ? "failed" : "succeeded";
}

json::value moment(const std::optional<Timestamp>& time) {
    return time ? json::value(time->text()) : json::value(nullptr);
}

} // namespace

Result<jobs::NewFlow> take_flow(json::value& document) {
    auto* object = document.if_object();
    if (!object)
        return wrong(
            "a flow is a JSON object: "
            "{\"jobs\":[{\"ref\":\"a\",\"kind\":\"echo\"},{\"ref\":\"b\",\"kind\":\"echo\",\"depends_on\":[\"a\"]}]}");
    if (const auto known = only_fields(*object, {"name", "jobs", "chain", "callback"}); !known) return known.error();
    const auto name = string_field(*object, "name", longest_name);
    if (!name) return name.error();
    auto steps = take_steps(*object);
    if (!steps) return steps.error();
    jobs::NewFlow flow{name->value_or(""), std::move(*steps), {}};
    if (auto* callback = object->if_contains("callback"); callback && !callback->is_null()) {
        auto job = read_new_job(*callback);
        if (!job) return in_step("callback", job.error());
        if (!job->depends_on.empty())
            return in_step("callback", wrong("it takes no \"depends_on\": it waits for every job of the flow"));
        flow.callback = std::move(*job);
    }
    return flow;
}

json::object write_flow(const jobs::Flow& flow) {
    const int ended = flow.succeeded + flow.failed;
    return {
        {"id", flow.id.text()},
        {"name", flow.name},
        {"state", state(flow)},
        {"progress_percent", flow.jobs > 0 ? 100 * ended / flow.jobs : 100},
        {"counts",
         {{"jobs", flow.jobs}, {"succeeded", flow.succeeded}, {"failed", flow.failed}, {"open", flow.jobs - ended}}},
        {"created_at", flow.created_at.text()},
        {"finished_at", moment(flow.finished_at)},
        {"callback", flow.callback ? json::value(flow.callback->text()) : json::value(nullptr)}};
}

json::object write_flow(const jobs::FlowGraph& graph) {
    auto object = write_flow(graph.flow);
    json::array nodes, edges;
    for (const auto& node : graph.nodes)
        nodes.push_back(json::object{{"id", node.id.text()},
                                     {"ref", node.ref},
                                     {"kind", node.kind},
                                     {"queue", node.queue},
                                     {"state", values::name(node.state)},
                                     {"attempt", node.attempt},
                                     {"progress_percent", node.progress_percent},
                                     {"callback", node.callback}});
    for (const auto& edge : graph.edges)
        edges.push_back(json::object{
            {"from", edge.parent.text()}, {"to", edge.child.text()}, {"on_failure", values::name(edge.on_failure)}});
    object["nodes"] = std::move(nodes);
    object["edges"] = std::move(edges);
    return object;
}

} // namespace millrace::api
