#include "cli/job_view.hpp"

#include "base/clock.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <ostream>

namespace millrace::cli {
namespace {

std::string error_of(const json::value& object) {
    const auto* error = find(object, {"error"});
    return error ? member(*error, "code") + ": " + member(*error, "message") : "";
}

// How long it ran, or runs.
std::string duration_of(const json::value& object, std::string_view from_name, std::string_view to_name, Timestamp now) {
    const auto from = Timestamp::parse(member(object, from_name));
    if (!from) return "-";
    const auto to = Timestamp::parse(member(object, to_name)).value_or(now);
    return seconds_text(std::chrono::duration<double>(to - *from).count());
}

void print_attempts(Context& context, const json::value& job, Timestamp now) {
    Table table{{{.title = "ATTEMPT", .align = Table::Align::right},
                 {.title = "STARTED"},
                 {.title = "TOOK", .align = Table::Align::right},
                 {.title = "OUTCOME"},
                 {.title = "ERROR", .elastic = true}}};
    if (const auto* attempts = find(job, {"attempts"}); attempts && attempts->is_array())
        for (const auto& each : attempts->get_array())
            table.row({member(each, "attempt"), member(each, "started_at"), duration_of(each, "started_at", "ended_at", now),
                       member(each, "outcome"), error_of(each)});
    if (table.empty()) return;
    context.out << '\n';
    table.print(context.out, context.width);
}

void print_timeline(Context& context, const json::value& job) {
    Table table{{{.title = "AT"}, {.title = "EVENT", .elastic = true}}};
    if (const auto* timeline = find(job, {"timeline"}); timeline && timeline->is_array())
        for (const auto& each : timeline->get_array()) table.row({member(each, "at"), member(each, "event")});
    if (table.empty()) return;
    context.out << '\n';
    table.print(context.out, context.width);
}

} // namespace

bool is_ended(const json::value& job) {
    const auto state = member(job, "state");
    return state == "succeeded" || state == "dead" || state == "cancelled" || state == "expired";
}

void print_jobs(Context& context, const json::value& page) {
    const auto now = SystemClock::instance().now();
    Table table{{{.title = "ID"},
                 {.title = "KIND"},
                 {.title = "QUEUE", .elastic = true},
                 {.title = "STATE"},
                 {.title = "PRI", .align = Table::Align::right},
                 {.title = "TRY", .align = Table::Align::right},
                 {.title = "AGE", .align = Table::Align::right},
                 {.title = "TOOK", .align = Table::Align::right},
                 {.title = "NOTE", .elastic = true}}};
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& job : data->get_array()) {
            const auto state = member(job, "state");
            const auto* percent = find(job, {"progress_percent"});
            auto note = error_of(job);
            if (state == "running" && percent && percent->is_int64() && percent->get_int64() > 0) note = fmt::format("{}%", percent->get_int64());
            if (state == "scheduled") note = "runs " + age(job, "run_at", now);
            table.row({member(job, "id"), member(job, "kind"), member(job, "queue"), state, member(job, "priority"),
                       member(job, "attempt") + "/" + member(job, "max_attempts"), age(job, "created_at", now),
                       duration_of(job, "started_at", "finished_at", now), note});
        }
    if (table.empty()) {
        context.err << "no jobs\n";
        return;
    }
    table.print(context.out, context.width);
    if (const auto cursor = find(page, {"meta", "next_cursor"}); cursor && cursor->is_string())
        context.err << "more: --cursor " << printable(std::string_view{cursor->get_string()}) << '\n';
}

void print_job(Context& context, const json::value& job) {
    auto& out = context.out;
    const auto now = SystemClock::instance().now();
    const auto line = [&](std::string_view label, const std::string& value) { out << fmt::format("{:<9} {}\n", label, value); };
    line("id", member(job, "id"));
    line("kind", member(job, "kind"));
    line("queue", fmt::format("{}, priority {}", member(job, "queue"), member(job, "priority")));
    line("state", fmt::format("{}, attempt {} of {}", member(job, "state"), member(job, "attempt"), member(job, "max_attempts")));
    if (member(job, "state") == "running") line("progress", member(job, "progress_percent") + "%");
    line("created", fmt::format("{} ({})", member(job, "created_at"), age(job, "created_at", now)));
    if (member(job, "state") == "scheduled") line("runs at", member(job, "run_at"));
    if (find(job, {"started_at"})) line("took", duration_of(job, "started_at", "finished_at", now));
    if (const auto error = error_of(job); !error.empty()) line("error", error);
    if (const auto* tags = find(job, {"tags"}); tags && tags->is_object())
        for (const auto& tag : tags->get_object())
            line("tag", printable(std::string_view{tag.key()}) + "=" + member(*tags, tag.key()));
    if (const auto* payload = find(job, {"payload"})) line("payload", printable(json::serialize(*payload)));
    if (const auto* result = find(job, {"result"})) out << "result    " << pretty(*result) << '\n';
    print_attempts(context, job, now);
    print_timeline(context, job);
}

} // namespace millrace::cli
