#include "cli/flows/flow_view.hpp"

#include "base/clock.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <map>
#include <ostream>
#include <set>

namespace millrace::cli {
namespace {

struct Edge {
    std::string child, policy;
};

struct Graph {
    std::vector<std::string> order; // ids, as the flow lists them
    std::map<std::string, const json::value*> nodes;
    std::map<std::string, std::vector<Edge>> children;
    std::set<std::string> with_parents;
};

Graph graph_of(const json::value& flow) {
    Graph graph;
    if (const auto* nodes = find(flow, {"nodes"}); nodes && nodes->is_array())
        for (const auto& node : nodes->get_array()) {
            graph.order.push_back(member(node, "id"));
            graph.nodes[graph.order.back()] = &node;
        }
    if (const auto* edges = find(flow, {"edges"}); edges && edges->is_array())
        for (const auto& edge : edges->get_array()) {
            const auto from = member(edge, "from"), to = member(edge, "to");
            if (!graph.nodes.contains(from) || !graph.nodes.contains(to)) continue;
            graph.children[from].push_back({to, member(edge, "on_failure")});
            graph.with_parents.insert(to);
        }
    return graph;
}

bool is_callback(const json::value& node) { return member(node, "callback") == "true"; }

std::string sign_of(const std::string& state) {
    if (state == "succeeded") return "✓";
    if (state == "dead" || state == "cancelled" || state == "expired") return "✗";
    return state == "running" ? "▶" : "·";
}

std::string name_of(const json::value& node) {
    const auto ref = member(node, "ref");
    return is_callback(node) ? "callback" : ref.empty() || ref == "-" ? member(node, "id") : ref;
}

std::string line_of(const json::value& node) {
    const auto state = member(node, "state");
    auto line = fmt::format("{} {}  {}  {}", sign_of(state), name_of(node), member(node, "kind"), state);
    if (const auto percent = member(node, "progress_percent"); state == "running" && percent != "0" && percent != "-")
        line += " " + percent + "%";
    return line + "  " + member(node, "id");
}

class Drawing {
public:
    explicit Drawing(const Graph& graph) : graph_{graph} {}

    std::vector<std::string> draw() {
        for (const auto& id : graph_.order)
            if (!graph_.with_parents.contains(id) && !is_callback(*graph_.nodes.at(id))) add(id, "", "");
        for (const auto& id : graph_.order)
            if (!drawn_.contains(id)) add(id, "", ""); // the callback, and what no root leads to
        return std::move(lines_);
    }

private:
    void add(const std::string& id, const std::string& indent, const std::string& policy) {
        const auto& node = *graph_.nodes.at(id);
        const auto note = policy.empty() || policy == "fail" || policy == "-" ? "" : "  (on failure: " + policy + ")";
        if (!drawn_.insert(id).second) {
            lines_.push_back(fmt::format("{}↑ {}, above{}", indent, name_of(node), note));
            return;
        }
        lines_.push_back(indent + line_of(node) + note);
        const auto children = graph_.children.find(id);
        if (children == graph_.children.end()) return;
        for (const auto& edge : children->second)
            if (!is_callback(*graph_.nodes.at(edge.child))) add(edge.child, indent + "  ", edge.policy);
    }

    const Graph& graph_;
    std::set<std::string> drawn_;
    std::vector<std::string> lines_;
};

} // namespace

std::string progress_text(const json::value& flow) {
    const auto* counts = find(flow, {"counts"});
    if (!counts) return "-";
    return fmt::format("{}% · {} jobs, {} succeeded, {} failed, {} open", member(flow, "progress_percent"),
                       member(*counts, "jobs"), member(*counts, "succeeded"), member(*counts, "failed"),
                       member(*counts, "open"));
}

std::vector<std::string> flow_tree(const json::value& flow) {
    const auto graph = graph_of(flow);
    return Drawing{graph}.draw();
}

void print_flows(Context& context, const json::value& page) {
    const auto now = SystemClock::instance().now();
    Table table{{{.title = "ID"},
                 {.title = "NAME", .elastic = true},
                 {.title = "STATE", .is_state = true},
                 {.title = "AGE", .align = Table::Align::right},
                 {.title = "PROGRESS", .elastic = true}}};
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& flow : data->get_array())
            table.row({member(flow, "id"), member(flow, "name"), member(flow, "state"), age(flow, "created_at", now),
                       progress_text(flow)});
    if (table.empty()) {
        context.err << "no flows\n";
        return;
    }
    table.print(context);
    if (const auto* cursor = find(page, {"meta", "next_cursor"}); cursor && cursor->is_string())
        context.err << "more: --cursor " << printable(std::string_view{cursor->get_string()}) << '\n';
}

void print_flow(Context& context, const json::value& flow) {
    const auto name = member(flow, "name");
    context.out << "flow      " << member(flow, "id") << (name.empty() || name == "-" ? "" : "  " + name) << '\n'
                << "state     " << member(flow, "state") << '\n'
                << "progress  " << progress_text(flow) << "\n\n";
    for (const auto& line : flow_tree(flow))
        context.out << (context.width == 0 ? line : shortened(line, context.width)) << '\n';
}

} // namespace millrace::cli
