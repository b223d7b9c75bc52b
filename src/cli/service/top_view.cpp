#include "cli/service/top_view.hpp"

#include "cli/table.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace millrace::cli {
namespace {

using Lines = std::vector<std::string>;

std::string rate(double per_second) { return fmt::format("{:.{}f}", per_second, per_second < 10 ? 1 : 0); }
std::string wait_text(double seconds) { return seconds > 0 ? seconds_text(seconds) : "-"; }

Lines lines_of(const Table& table, std::size_t width) {
    std::ostringstream out;
    table.print(out, {.width = width});
    Lines lines;
    std::istringstream in{out.str()};
    for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
    return lines;
}

// No more than `most` lines: the rest is counted.
void append_cut(Lines& out, Lines lines, std::size_t most) {
    if (lines.size() > most && most > 1) {
        const auto left = lines.size() - (most - 1);
        lines.resize(most - 1);
        lines.push_back(fmt::format("… and {} more", left));
    }
    out.insert(out.end(), lines.begin(), lines.end());
}

void add_head(Lines& lines, const TopData& data, Timestamp now) {
    const auto& status = data.status;
    lines.push_back(fmt::format("millrace {} · {} · up {} · {}", text_at(status, {"version"}),
                                text_at(status, {"ready"}) == "true" ? "ready" : "not ready",
                                seconds_text(number_at(status, {"uptime_seconds"})), now.text().substr(0, 19) + "Z"));
    if (!data.problem.empty()) lines.push_back("! " + printable(data.problem));
    const auto count = [&](const char* name) { return text_at(status, {"jobs", name}); };
    lines.push_back(fmt::format("jobs     {} queued · {} running · {} scheduled · {} blocked · oldest {}",
                                count("queued"), count("running"), count("scheduled"), count("blocked"),
                                wait_text(number_at(status, {"jobs", "oldest_age_seconds"}))));
    lines.push_back(fmt::format("rates    {}/s in · {}/s done · {} succeeded · {} dead",
                                rate(number_at(status, {"jobs", "rates", "submitted_per_second"})),
                                rate(number_at(status, {"jobs", "rates", "finished_per_second"})), count("succeeded"),
                                count("dead")));
    auto worker = fmt::format("worker   {}", text_at(status, {"worker", "state"}));
    if (text_at(status, {"worker", "state"}) == "ready")
        worker += fmt::format(" · {} · {} in flight · {} queued", text_at(status, {"worker", "device"}),
                              text_at(status, {"worker", "in_flight"}), text_at(status, {"worker", "queued"}));
    const auto leases = text_at(status, {"jobs", "external_leases"}),
               waiting = text_at(status, {"jobs", "waiting_workers"});
    if ((leases != "-" && leases != "0") || (waiting != "-" && waiting != "0"))
        worker += fmt::format(" · external: {} leases, {} workers wait", leases, waiting);
    lines.push_back(worker);
}

std::string note_of(const json::value& queue) {
    if (text_at(queue, {"paused"}) == "true") return "paused: " + text_at(queue, {"pause", "reason"});
    return text_at(queue, {"settings", "external"}) == "true" ? "external" : "";
}

std::vector<const json::value*> entries(const json::value& page) {
    std::vector<const json::value*> out;
    if (const auto* data = find(page, {"data"}); data && data->is_array())
        for (const auto& each : data->get_array()) out.push_back(&each);
    return out;
}

Lines queue_lines(const TopData& data, std::size_t width) {
    using Align = Table::Align;
    Table table{{{.title = "QUEUE", .elastic = true},
                 {.title = "DEPTH", .align = Align::right},
                 {.title = "RUNNING", .align = Align::right},
                 {.title = "BEGUN/S", .align = Align::right},
                 {.title = "DONE/S", .align = Align::right},
                 {.title = "OLDEST", .align = Align::right},
                 {.title = "BREAKER"},
                 {.title = "NOTE", .elastic = true}}};
    auto queues = entries(data.queues);
    const auto busy = [](const json::value* queue) {
        return number_at(*queue, {"depth"}) + number_at(*queue, {"running"}) > 0;
    };
    std::stable_partition(queues.begin(), queues.end(), busy); // those that stand idle come last
    for (const auto* queue : queues)
        table.row({member(*queue, "name"), member(*queue, "depth"), member(*queue, "running"),
                   rate(number_at(*queue, {"rates", "started_per_second"})),
                   rate(number_at(*queue, {"rates", "finished_per_second"})),
                   wait_text(number_at(*queue, {"oldest_age_seconds"})), text_at(*queue, {"breaker", "state"}),
                   note_of(*queue)});
    return table.empty() ? Lines{"no queues yet"} : lines_of(table, width);
}

Lines running_lines(const TopData& data, std::size_t width, Timestamp now) {
    Table table{{{.title = "RUNNING JOB"},
                 {.title = "KIND"},
                 {.title = "QUEUE", .elastic = true},
                 {.title = "TRY", .align = Table::Align::right},
                 {.title = "FOR", .align = Table::Align::right},
                 {.title = "DONE", .align = Table::Align::right},
                 {.title = "WORKER", .elastic = true}}};
    for (const auto* job : entries(data.running)) {
        const auto worker = member(*job, "worker");
        table.row({member(*job, "id"), member(*job, "kind"), member(*job, "queue"),
                   member(*job, "attempt") + "/" + member(*job, "max_attempts"), age(*job, "started_at", now),
                   member(*job, "progress_percent") + "%", worker == "-" ? "" : worker});
    }
    return table.empty() ? Lines{"nothing runs"} : lines_of(table, width);
}

} // namespace

std::vector<std::string> top_lines(const TopData& data, std::size_t width, std::size_t height, Timestamp now) {
    Lines lines;
    add_head(lines, data, now);
    auto queues = queue_lines(data, width), running = running_lines(data, width, now);
    const auto all = queues.size() + running.size();
    // What is left is shared: the queues take half, and what the jobs do not need.
    const auto room = height == 0 ? all : height > lines.size() + 2 ? height - lines.size() - 2 : 2;
    const auto for_queues = std::max(room / 2, room > running.size() ? room - running.size() : 0);
    lines.emplace_back();
    append_cut(lines, std::move(queues), for_queues);
    lines.emplace_back();
    const auto taken = lines.size();
    append_cut(lines, std::move(running), height == 0 ? all : height > taken ? height - taken : 1);
    if (height > 0 && lines.size() > height) lines.resize(height);
    if (width > 0)
        for (auto& line : lines) line = shortened(line, width);
    return lines;
}

} // namespace millrace::cli
