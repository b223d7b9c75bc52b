#include "cli/queue_view.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <ostream>

namespace millrace::cli {
namespace {

// "4 at once, 20/s": what holds a queue back.
std::string limits_text(const json::value& queue) {
    const auto* settings = find(queue, {"settings"});
    if (!settings) return "";
    std::string out;
    const auto add = [&](std::string text) { out += (out.empty() ? "" : ", ") + std::move(text); };
    if (member(*settings, "external") == "true") add("external");
    if (const auto value = member(*settings, "concurrency"); value != "-") add(value + " at once");
    if (const auto value = member(*settings, "rate"); value != "-") add(value + "/s");
    if (const auto value = member(*settings, "max_backlog"); value != "-") add("backlog " + value);
    return out;
}

std::string breaker_text(const json::value& queue) {
    const auto* breaker = find(queue, {"breaker"});
    return breaker ? member(*breaker, "state") : "-";
}

// Why it does not go on: paused, or its breaker.
std::string note_of(const json::value& queue) {
    if (const auto* pause = find(queue, {"pause"})) {
        const auto until = member(*pause, "until");
        return "paused" + (until == "-" ? "" : " until " + until) + ": " + member(*pause, "reason");
    }
    const auto breaker = breaker_text(queue);
    return breaker == "closed" || breaker == "-" ? "" : "breaker " + breaker;
}

} // namespace

void print_queues(Context& context, const json::value& page) {
    using Align = Table::Align;
    Table table{{{.title = "QUEUE", .elastic = true},
                 {.title = "DEPTH", .align = Align::right},
                 {.title = "RUNNING", .align = Align::right},
                 {.title = "OLDEST", .align = Align::right},
                 {.title = "BEGUN/S", .align = Align::right},
                 {.title = "DONE/S", .align = Align::right},
                 {.title = "LIMITS", .elastic = true},
                 {.title = "NOTE", .elastic = true}}};
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& queue : data->get_array()) {
            const auto oldest = number_at(queue, {"oldest_age_seconds"});
            table.row({member(queue, "name"), member(queue, "depth"), member(queue, "running"), oldest > 0 ? seconds_text(oldest) : "-",
                       fmt::format("{:.1f}", number_at(queue, {"rates", "started_per_second"})),
                       fmt::format("{:.1f}", number_at(queue, {"rates", "finished_per_second"})), limits_text(queue), note_of(queue)});
        }
    if (table.empty()) context.err << "no queues yet: one is there as soon as a job names it\n";
    else table.print(context.out, context.width);
}

void print_queue(Context& context, const json::value& queue) {
    auto& out = context.out;
    const auto line = [&](std::string_view label, const std::string& value) { out << fmt::format("{:<9} {}\n", label, value); };
    line("queue", member(queue, "name"));
    line("depth", fmt::format("{}: {} queued, {} scheduled, {} blocked", member(queue, "depth"), member(queue, "queued"), member(queue, "scheduled"),
                              member(queue, "blocked")));
    line("running", member(queue, "running"));
    if (const auto oldest = number_at(queue, {"oldest_age_seconds"}); oldest > 0) line("oldest", "waits for " + seconds_text(oldest));
    line("rates", fmt::format("{:.1f}/s begun, {:.1f}/s done", number_at(queue, {"rates", "started_per_second"}), number_at(queue, {"rates", "finished_per_second"})));
    if (const auto mean = number_at(queue, {"mean_run_seconds"}); mean > 0) line("runs", seconds_text(mean) + " on average");
    if (const auto* ended = find(queue, {"ended"}))
        line("ended", fmt::format("{} succeeded, {} dead, {} cancelled, {} expired", member(*ended, "succeeded"), member(*ended, "dead"),
                                  member(*ended, "cancelled"), member(*ended, "expired")));
    line("breaker", breaker_text(queue));
    if (const auto* pause = find(queue, {"pause"})) {
        line("paused", fmt::format("{} by {}: {}", member(*pause, "since"), member(*pause, "actor"), member(*pause, "reason")));
        if (const auto until = member(*pause, "until"); until != "-") line("until", until);
    }
    if (const auto* settings = find(queue, {"settings"})) out << "settings  " << pretty(*settings) << '\n';
}

} // namespace millrace::cli
