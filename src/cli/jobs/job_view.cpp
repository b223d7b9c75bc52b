#include "cli/jobs/job_view.hpp"

#include "base/clock.hpp"
#include "base/json_text.hpp"
#include "cli/table.hpp"
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
std::string duration_of(const json::value& object, std::string_view from_name, std::string_view to_name,
                        Timestamp now) {
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
            table.row({member(each, "attempt"), member(each, "started_at"),
                       duration_of(each, "started_at", "ended_at", now), member(each, "outcome"), error_of(each)});
    if (table.empty()) return;
    context.out << '\n';
    table.print(context);
}

void print_timeline(Context& context, const json::value& job) {
    Table table{{{.title = "AT"}, {.title = "EVENT", .elastic = true}}};
    if (const auto* timeline = find(job, {"timeline"}); timeline && timeline->is_array())
        for (const auto& each : timeline->get_array()) table.row({member(each, "at"), member(each, "event")});
    if (table.empty()) return;
    context.out << '\n';
    table.print(context);
}

void print_page(Context& context, const Table& table, const json::value& page, const char* none) {
    if (table.empty()) {
        context.err << none << '\n';
        return;
    }
    table.print(context);
    if (const auto cursor = find(page, {"meta", "next_cursor"}); cursor && cursor->is_string())
        context.err << "more: --cursor " << printable(std::string_view{cursor->get_string()}) << '\n';
}

// "1 s, 2 s, 4 s" of the retries that remain.
std::string planned_text(const json::value& job) {
    std::string out;
    if (const auto* planned = find(job, {"planned_retries"}); planned && planned->is_array())
        for (const auto& each : planned->get_array())
            if (each.is_number()) out += (out.empty() ? "" : ", ") + seconds_text(each.to_number<double>());
    return out;
}

std::string parents_text(const json::value& job) {
    std::string out;
    if (const auto* parents = find(job, {"depends_on"}); parents && parents->is_array())
        for (const auto& each : parents->get_array())
            out += (out.empty() ? "" : ", ") + member(each, "job") + " (" + member(each, "on_failure") + ")";
    return out;
}

// What the job has of limits, ties and plans.
template <class Line>
void print_rules(const json::value& job, const Line& line) {
    const auto given = [&](const char* label, const char* name) {
        if (const auto value = member(job, name); value != "-") line(label, value);
    };
    given("resource", "resource");
    given("expires", "expires_at");
    given("deadline", "deadline_at");
    given("unique", "unique_key");
    if (const auto* flow = find(job, {"flow"})) line("flow", member(*flow, "id") + ", as " + member(*flow, "ref"));
    if (const auto parents = parents_text(job); !parents.empty()) line("after", parents);
    given("waits for", "blocked_by");
    given("worker", "worker");
    if (const auto planned = planned_text(job); !planned.empty()) line("retries", planned);
    given("next try", "next_retry_at");
}

} // namespace

bool is_ended(const json::value& job) {
    const auto state = member(job, "state");
    return state == "succeeded" || state == "dead" || state == "cancelled" || state == "expired";
}

void print_jobs(Context& context, const json::value& page) {
    const auto now = SystemClock::instance().now();
    Table table{{{.title = "ID", .is_id = true},
                 {.title = "KIND"},
                 {.title = "QUEUE", .elastic = true},
                 {.title = "STATE", .is_state = true},
                 {.title = "PRI", .align = Table::Align::right, .spare = 3},
                 {.title = "TRY", .align = Table::Align::right, .spare = 2},
                 {.title = "AGE", .align = Table::Align::right},
                 {.title = "TOOK", .align = Table::Align::right, .spare = 1},
                 {.title = "NOTE", .elastic = true}}};
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& job : data->get_array()) {
            const auto state = member(job, "state");
            const auto* percent = find(job, {"progress_percent"});
            auto note = error_of(job);
            if (state == "running" && percent && percent->is_int64() && percent->get_int64() > 0)
                note = fmt::format("{}%", percent->get_int64());
            if (state == "scheduled") note = "runs " + age(job, "run_at", now);
            table.row({member(job, "id"), member(job, "kind"), member(job, "queue"), state, member(job, "priority"),
                       member(job, "attempt") + "/" + member(job, "max_attempts"), age(job, "created_at", now),
                       duration_of(job, "started_at", "finished_at", now), note});
        }
    print_page(context, table, page, "no jobs");
}

void print_dead_letters(Context& context, const json::value& page) {
    const auto now = SystemClock::instance().now();
    Table table{{{.title = "ID", .is_id = true},
                 {.title = "KIND"},
                 {.title = "QUEUE", .elastic = true},
                 {.title = "TRIES", .align = Table::Align::right},
                 {.title = "DIED", .align = Table::Align::right},
                 {.title = "ERROR", .elastic = true}}};
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& job : data->get_array())
            table.row({member(job, "id"), member(job, "kind"), member(job, "queue"), member(job, "attempt"),
                       age(job, "finished_at", now), error_of(job)});
    print_page(context, table, page, "no dead letters");
}

void print_why(Context& context, const json::value& why) {
    context.out << fmt::format("{}: {}\n", member(why, "state"), member(why, "sentence"));
    if (const auto remedy = member(why, "remedy"); remedy != "-") context.out << remedy << '\n';
}

void print_job(Context& context, const json::value& job) {
    auto& out = context.out;
    const auto now = SystemClock::instance().now();
    const auto line = [&](std::string_view label, const std::string& value) {
        out << fmt::format("{:<9} {}\n", label, value);
    };
    line("id", member(job, "id"));
    line("kind", member(job, "kind"));
    line("queue", fmt::format("{}, priority {}", member(job, "queue"), member(job, "priority")));
    line("state", fmt::format("{}, attempt {} of {}", member(job, "state"), member(job, "attempt"),
                              member(job, "max_attempts")));
    if (member(job, "state") == "running") line("progress", member(job, "progress_percent") + "%");
    print_rules(job, line);
    line("created", fmt::format("{} ({})", member(job, "created_at"), age(job, "created_at", now)));
    if (member(job, "state") == "scheduled") line("runs at", member(job, "run_at"));
    if (find(job, {"started_at"})) line("took", duration_of(job, "started_at", "finished_at", now));
    if (const auto error = error_of(job); !error.empty()) line("error", error);
    if (const auto* tags = find(job, {"tags"}); tags && tags->is_object())
        for (const auto& tag : tags->get_object())
            line("tag", printable(std::string_view{tag.key()}) + "=" + member(*tags, tag.key()));
    if (const auto* payload = find(job, {"payload"})) line("payload", printable(json_text(*payload)));
    if (const auto* result = find(job, {"result"})) out << "result    " << pretty(*result) << '\n';
    print_attempts(context, job, now);
    print_timeline(context, job);
}

} // namespace millrace::cli
