#include "base/json_text.hpp"
#include "base/version.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ostream>

namespace millrace::cli {
namespace {

std::string joined(const json::value* list, std::string_view separator) {
    std::string out;
    if (!list || !list->is_array()) return out;
    for (const auto& each : list->get_array()) {
        if (!out.empty()) out += separator;
        out += each.is_string() ? printable(std::string_view{each.get_string()}) : json_text(each);
    }
    return out;
}

void print_worker(std::ostream& out, const json::value& status) {
    const auto state = text_at(status, {"worker", "state"});
    out << "worker   " << state;
    if (state == "ready")
        out << " · " << text_at(status, {"worker", "runtime"}) << " · " << text_at(status, {"worker", "device"})
            << " · " << text_at(status, {"worker", "threads"}) << " threads · "
            << text_at(status, {"worker", "in_flight"}) << " in flight · " << text_at(status, {"worker", "restarts"})
            << " restarts";
    const auto reason = text_at(status, {"worker", "reason"});
    if (reason != "-" && !reason.empty()) out << " · " << reason;
    const auto models = joined(find(status, {"worker", "models"}), ", ");
    out << '\n';
    if (!models.empty()) out << "models   " << models << '\n';
    if (const auto* devices = find(status, {"worker", "devices"}); devices && devices->is_array())
        for (const auto& each : devices->get_array())
            if (const auto own = member(each, "own_of"); !own.empty() && own != "-")
                out << "worker   of its own: " << own << " · " << member(each, "state") << " · "
                    << member(each, "restarts") << " restarts\n";
}

void print_status(Context& context, const json::value& status, bool ready) {
    auto& out = context.out;
    out << "millrace " << text_at(status, {"version"}) << " · "
        << (ready ? "ready" : "not ready: " + joined(find(status, {"reasons"}), ", ")) << " · up "
        << seconds_text(number_at(status, {"uptime_seconds"})) << '\n';
    if (const auto degraded = joined(find(status, {"degraded"}), "\n         "); !degraded.empty())
        out << "degraded " << degraded << '\n';
    out << "jobs    ";
    for (const auto* state : {"queued", "running", "scheduled", "blocked", "succeeded", "dead", "cancelled", "expired"})
        if (const auto count = text_at(status, {"jobs", state}); count != "-")
            out << ' ' << state << ' ' << count << ' ';
    out << '\n';
    out << fmt::format("rates    {:.1f}/s submitted · {:.1f}/s finished\n",
                       number_at(status, {"jobs", "rates", "submitted_per_second"}),
                       number_at(status, {"jobs", "rates", "finished_per_second"}));
    print_worker(out, status);
    if (const auto* held = find(status, {"quarantine"}); held && held->is_array())
        for (const auto& each : held->get_array())
            out << "held     " << member(each, "kind") << ' '
                << (member(each, "kind") == "organization" ? "" : member(each, "model")) << " · ended "
                << member(each, "workers_ended") << " workers · next try at " << member(each, "until") << '\n';
    out << "store    " << text_at(status, {"store", "driver"}) << " · schema "
        << text_at(status, {"store", "schema_version"}) << " · "
        << size_text(static_cast<std::uint64_t>(number_at(status, {"store", "bytes"}))) << " · "
        << size_text(static_cast<std::uint64_t>(number_at(status, {"disk", "free_bytes"}))) << " free on disk\n";
    Table table{{{.title = "QUEUE", .elastic = true},
                 {.title = "QUEUED", .align = Table::Align::right},
                 {.title = "RUNNING", .align = Table::Align::right},
                 {.title = "SCHEDULED", .align = Table::Align::right}}};
    if (const auto* queues = find(status, {"queues"}); queues && queues->is_array())
        for (const auto& queue : queues->get_array())
            table.row(
                {member(queue, "name"), member(queue, "queued"), member(queue, "running"), member(queue, "scheduled")});
    if (table.empty()) return;
    out << '\n';
    table.print(out, {context.width, context.colour});
}

int status(Context& context) {
    const auto reply = Client{context}.call({.target = "/api/v1/status"});
    const auto value = reply.json();
    const auto* flag = find(value, {"ready"});
    const bool ready = flag && flag->is_bool() && flag->get_bool();
    if (context.json) print_raw(context, reply.body);
    else print_status(context, value, ready);
    return ready ? done : failed;
}

} // namespace

void add_status(CLI::App& app, Context& context) {
    auto* command = app.add_subcommand("status", "Show what the daemon is doing");
    command->footer("Exit status 1 when the daemon is not ready.\n"
                    "Examples:\n"
                    "  millrace status\n"
                    "  millrace status --json | jq .worker.state");
    command->callback([&context] { context.action = [&context] { return status(context); }; });
}

void add_version(CLI::App& app, Context& context) {
    auto* command = app.add_subcommand("version", "Show the version of this program");
    command->footer("Examples:\n  millrace version --json");
    command->callback([&context] {
        context.action = [&context] {
            if (context.json) print_raw(context, json_text(json::object{{"version", version()}}));
            else context.out << "millrace " << version() << '\n';
            return static_cast<int>(done);
        };
    });
}

} // namespace millrace::cli
