#include "cli/models/traffic_view.hpp"

#include "cli/table.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <vector>

namespace millrace::cli {
namespace {

constexpr std::size_t most_labels = 20;

bool is_there(const json::value& object, std::string_view name) {
    const auto* value = find(object, {name});
    return value && !value->is_null();
}

std::string percent(const json::value& object, std::initializer_list<std::string_view> path) {
    const auto* value = find(object, path);
    return value && value->is_number() ? fmt::format("{:.1f}%", value->to_number<double>() * 100) : "-";
}

std::string ms(const json::value& version, std::string_view which) {
    return fmt::format("{:.2f}", number_at(version, {"latency_ms", which}));
}

const json::array& versions_of(const json::value& comparison) {
    static const json::array none;
    const auto* versions = find(comparison, {"versions"});
    return versions && versions->is_array() ? versions->get_array() : none;
}

// One line a label, one column a version: the share of its predictions.
void print_labels(Context& context, const json::array& versions) {
    std::map<std::string, std::map<std::string, double>> shares; // by label, by version
    std::map<std::string, double> weight;
    std::vector<std::string> columns;
    for (const auto& version : versions) {
        const auto* labels = find(version, {"labels"});
        if (!labels || !labels->is_object() || labels->get_object().empty()) continue;
        double all = number_at(version, {"other_labels"});
        for (const auto& [label, count] : labels->get_object()) all += count.to_number<double>();
        const auto name = member(version, "version");
        columns.push_back(name);
        for (const auto& [label, count] : labels->get_object()) {
            const double share = count.to_number<double>() / all;
            shares[std::string{label}][name] = share;
            weight[std::string{label}] += share;
        }
    }
    if (columns.empty()) return;
    std::vector<std::string> order;
    order.reserve(shares.size());
    for (const auto& [label, unused] : shares) order.push_back(label);
    std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return weight[a] > weight[b]; });
    std::vector<Table::Column> titles{{.title = "LABEL", .elastic = true}};
    for (const auto& name : columns) titles.push_back({.title = "VERSION " + name, .align = Table::Align::right});
    Table table{std::move(titles)};
    for (std::size_t i = 0; i < std::min(order.size(), most_labels); ++i) {
        std::vector<std::string> cells{order[i]};
        for (const auto& name : columns)
            cells.push_back(shares[order[i]].contains(name) ? fmt::format("{:.1f}%", shares[order[i]][name] * 100)
                                                            : "-");
        table.row(std::move(cells));
    }
    context.out << '\n';
    table.print(context);
    if (order.size() > most_labels)
        context.out << "and " << order.size() - most_labels << " labels more: --json has them all\n";
}

} // namespace

std::string traffic_text(const json::value& traffic) {
    std::string text = "production " + (is_there(traffic, "production") ? member(traffic, "production") : "none");
    if (is_there(traffic, "candidate")) {
        const auto& candidate = *find(traffic, {"candidate"});
        text += fmt::format(", candidate {} with {}%", member(candidate, "version"), number_at(candidate, {"percent"}));
    }
    if (is_there(traffic, "shadow")) text += ", shadow " + member(traffic, "shadow");
    if (is_there(traffic, "fallback")) {
        const auto& fallback = *find(traffic, {"fallback"});
        text += ", fallback " + member(fallback, "model");
        if (is_there(fallback, "version")) text += "/" + member(fallback, "version");
    }
    return text;
}

void print_traffic(Context& context, const std::string& model, const json::value& traffic) {
    context.out << printable(model + ": " + traffic_text(traffic)) << '\n';
    if (const auto* policy = find(traffic, {"rollback"});
        is_there(traffic, "candidate") && policy && policy->is_object())
        context.out << fmt::format("the candidate is taken back if, after {} predictions, {:.1f}% more of them fail or "
                                   "they take {} times as long\n",
                                   member(*policy, "min_samples"),
                                   number_at(*policy, {"max_error_rate_increase"}) * 100,
                                   number_at(*policy, {"max_latency_ratio"}));
    const auto* history = find(traffic, {"history"});
    if (!history || !history->is_array() || history->get_array().empty()) return;
    Table table{{{.title = "SET"},
                 {.title = "BY"},
                 {.title = "TRAFFIC", .elastic = true},
                 {.title = "REASON", .elastic = true}}};
    const auto now = SystemClock::instance().now();
    for (const auto& each : history->get_array())
        table.row({ago(each, "set_at", now), member(each, "set_by"), traffic_text(*find(each, {"traffic"})),
                   is_there(each, "reason") ? member(each, "reason") : ""});
    context.out << '\n';
    table.print(context);
}

void print_comparison(Context& context, const json::value& comparison) {
    using Align = Table::Align;
    Table table{{{.title = "VERSION"},
                 {.title = "USE"},
                 {.title = "PREDICTIONS", .align = Align::right},
                 {.title = "ERRORS", .align = Align::right},
                 {.title = "REFUSED", .align = Align::right},
                 {.title = "MEAN MS", .align = Align::right},
                 {.title = "P50", .align = Align::right},
                 {.title = "P95", .align = Align::right},
                 {.title = "P99", .align = Align::right},
                 {.title = "AS SHADOW", .align = Align::right},
                 {.title = "ACCURACY", .align = Align::right},
                 {.title = "FEEDBACK", .align = Align::right}}};
    for (const auto& version : versions_of(comparison))
        table.row({member(comparison, "model") + "/" + member(version, "version"),
                   is_there(version, "role") ? member(version, "role") : "", member(version, "predictions"),
                   percent(version, {"error_rate"}), member(version, "refused"), ms(version, "mean"),
                   ms(version, "p50"), ms(version, "p95"), ms(version, "p99"),
                   percent(version, {"shadow", "agreement"}), percent(version, {"feedback", "accuracy"}),
                   fmt::format("{}", number_at(version, {"feedback", "count"}))});
    table.print(context);
    print_labels(context, versions_of(comparison));
}

} // namespace millrace::cli
