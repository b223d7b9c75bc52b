#include "cli/queues/queue_view.hpp"

#include "base/clock.hpp"
#include "base/json_text.hpp"
#include "cli/table.hpp"
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

// "breaker closed, 2 of the last 14 attempts failed".
std::string failures_text(const json::value& queue) {
    const auto* breaker = find(queue, {"breaker"});
    if (!breaker) return "-";
    auto out = fmt::format("breaker {}, {} of {} attempts failed lately", member(*breaker, "state"),
                           member(*breaker, "failures"), member(*breaker, "attempts"));
    if (const auto again = number_at(*breaker, {"reopens_in_seconds"}); again > 0)
        out += ", tries again in " + seconds_text(again);
    return out;
}

// Why it does not go on: paused, or its breaker.
std::string note_of(const json::value& queue) {
    if (const auto* pause = find(queue, {"pause"})) {
        const auto until = age(*pause, "until", SystemClock::instance().now());
        return "paused: " + member(*pause, "reason") + (until == "-" ? "" : " (resumes " + until + ")");
    }
    const auto breaker = breaker_text(queue);
    return breaker == "closed" || breaker == "-" ? "" : "breaker " + breaker;
}

// "list 60 s, 600 s, 3600 s, ±20%, never after bad_input".
std::string retry_text(const json::value& retry) {
    auto out = member(retry, "backoff");
    const auto list = [&](const char* name, std::string_view before, auto text_of) {
        const auto* values = find(retry, {name});
        if (!values || !values->is_array()) return;
        for (const auto& each : values->get_array()) {
            out.append(before).append(text_of(each));
            before = ", ";
        }
    };
    if (out == "list") list("delays_seconds", " ", [](const json::value& v) { return json_text(v) + " s"; });
    else out += " from " + member(retry, "first_seconds") + " s";
    if (out.starts_with("exponential")) out += ", times " + member(retry, "factor");
    if (const auto jitter = number_at(retry, {"jitter"}); jitter > 0) out += fmt::format(", ±{:.0f}%", jitter * 100);
    list("never", ", never after ",
         [](const json::value& v) { return v.is_string() ? printable(std::string_view{v.get_string()}) : ""; });
    return out;
}

// What the queue's jobs get that name nothing of their own, and what else is set of it: a line each.
template <class Line>
void print_settings(const json::value& settings, const Line& line) {
    if (!settings.is_object()) return;
    for (const auto& each : settings.get_object()) {
        const auto name = std::string{std::string_view{each.key()}};
        line(name, name == "retry" ? retry_text(each.value()) : member(settings, name));
    }
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
            table.row({member(queue, "name"), member(queue, "depth"), member(queue, "running"),
                       oldest > 0 ? seconds_text(oldest) : "-",
                       fmt::format("{:.1f}", number_at(queue, {"rates", "started_per_second"})),
                       fmt::format("{:.1f}", number_at(queue, {"rates", "finished_per_second"})), limits_text(queue),
                       note_of(queue)});
        }
    if (table.empty()) context.err << "no queues yet: one is there as soon as a job names it\n";
    else table.print(context);
}

void print_queue(Context& context, const json::value& queue) {
    auto& out = context.out;
    const auto line = [&](std::string_view label, const std::string& value) {
        out << fmt::format("{:<15} {}\n", label, value);
    };
    line("queue", member(queue, "name"));
    line("depth", fmt::format("{}: {} queued, {} scheduled, {} blocked", member(queue, "depth"),
                              member(queue, "queued"), member(queue, "scheduled"), member(queue, "blocked")));
    line("running", member(queue, "running"));
    if (const auto oldest = number_at(queue, {"oldest_age_seconds"}); oldest > 0)
        line("oldest", "waits for " + seconds_text(oldest));
    line("rates", fmt::format("{:.1f}/s begun, {:.1f}/s done", number_at(queue, {"rates", "started_per_second"}),
                              number_at(queue, {"rates", "finished_per_second"})));
    if (const auto mean = number_at(queue, {"mean_run_seconds"}); mean > 0)
        line("runs", seconds_text(mean) + " on average");
    if (const auto* ended = find(queue, {"ended"}))
        line("ended", fmt::format("{} succeeded, {} dead, {} cancelled, {} expired", member(*ended, "succeeded"),
                                  member(*ended, "dead"), member(*ended, "cancelled"), member(*ended, "expired")));
    line("failures", failures_text(queue));
    if (const auto* pause = find(queue, {"pause"})) {
        line("paused",
             fmt::format("{} by {}: {}", member(*pause, "since"), member(*pause, "actor"), member(*pause, "reason")));
        if (const auto until = member(*pause, "until"); until != "-") line("resumes", until);
    }
    if (const auto* settings = find(queue, {"settings"})) print_settings(*settings, line);
}

} // namespace millrace::cli
