#include "base/json_text.hpp"
#include "cli/commands.hpp"
#include "cli/service/settings.hpp"
#include "cli/service/store_tools.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

struct StatusOptions {
    SettingOptions settings;
    bool check = false;
};

std::uint64_t bytes_at(const json::value& value, std::initializer_list<std::string_view> path) {
    return static_cast<std::uint64_t>(std::max(0.0, number_at(value, path)));
}

const json::array& list_at(const json::value& value, std::string_view name) {
    static const json::array none;
    const auto* found = find(value, {name});
    return found && found->is_array() ? found->get_array() : none;
}

void print_lines(std::ostream& out, const json::value& status, std::string_view name, std::string_view title) {
    for (const auto& each : list_at(status, name))
        out << fmt::format("{:<12} {}\n", title, printable(std::string_view{each.get_string()}));
}

void print_sqlite(std::ostream& out, const json::value& status) {
    const auto page = bytes_at(status, {"page_bytes"});
    out << fmt::format("store        SQLite · {} · schema {}\n", text_at(status, {"file"}),
                       text_at(status, {"schema_version"}));
    out << fmt::format("size         {} · log {} · unused {}\n", size_text(bytes_at(status, {"bytes"})),
                       size_text(bytes_at(status, {"log_bytes"})), size_text(page * bytes_at(status, {"free_pages"})));
    print_lines(out, status, "damage", "damage");
    if (find(status, {"damage"}) && list_at(status, "damage").empty()) out << "check        every page is sound\n";
}

void print_tables(Context& context, const json::value& status) {
    Table table{{{.title = "TABLE", .elastic = true},
                 {.title = "SIZE", .align = Table::Align::right},
                 {.title = "ROWS", .align = Table::Align::right},
                 {.title = "DEAD", .align = Table::Align::right},
                 {.title = "VACUUMED"},
                 {.title = "ANALYZED"}}};
    const auto before = [](const json::value& value, std::string_view name) {
        const auto* found = find(value, {name});
        return found && found->is_int64() ? seconds_text(static_cast<double>(found->get_int64())) + " ago" : "never";
    };
    for (const auto& each : list_at(status, "tables"))
        table.row({member(each, "name"), size_text(bytes_at(each, {"bytes"})), member(each, "rows"),
                   member(each, "dead_rows"), before(each, "vacuumed_seconds_ago"),
                   before(each, "analyzed_seconds_ago")});
    context.out << '\n';
    table.print(context);
}

void print_statements(std::ostream& out, const json::value& status) {
    for (const auto& each : list_at(status, "slow_statements"))
        out << fmt::format("slow         {} calls · {:.1f} ms each · {}\n", text_at(each, {"calls"}),
                           number_at(each, {"mean_ms"}), shortened(printable(text_at(each, {"statement"})), 80));
    for (const auto& each : list_at(status, "running_statements"))
        out << fmt::format("running      {} · {} · {}\n", seconds_text(number_at(each, {"seconds"})),
                           text_at(each, {"application"}), shortened(printable(text_at(each, {"statement"})), 80));
    if (const auto* slow = find(status, {"slow_statements"}); !slow || slow->is_null())
        out << "slow         unknown: the extension pg_stat_statements is not there for this role\n";
}

void print_postgres(Context& context, const json::value& status) {
    auto& out = context.out;
    out << fmt::format("store        PostgreSQL {} · {} · schema {}\n", text_at(status, {"server"}),
                       text_at(status, {"url"}), text_at(status, {"schema_version"}));
    print_lines(out, status, "faults", "unfit");
    out << fmt::format("size         {}\n", size_text(bytes_at(status, {"bytes"})));
    out << fmt::format("connections  {} of {}\n", text_at(status, {"connections", "used"}),
                       text_at(status, {"connections", "most"}));
    if (const auto* oldest = find(status, {"oldest_transaction"}); oldest && oldest->is_object())
        out << fmt::format("oldest       transaction of {} · process {} · {} · {}\n",
                           seconds_text(number_at(*oldest, {"seconds"})), text_at(*oldest, {"process"}),
                           text_at(*oldest, {"application"}),
                           shortened(printable(text_at(*oldest, {"statement"})), 80));
    print_statements(out, status);
    for (const auto& each : list_at(status, "replication"))
        out << fmt::format("standby      {} · {} · {} · {} behind\n", text_at(each, {"standby"}),
                           text_at(each, {"state"}), text_at(each, {"sync"}),
                           size_text(bytes_at(each, {"behind_bytes"})));
    for (const auto& each : list_at(status, "slots"))
        out << fmt::format("slot         {} · keeps {} of the log\n", text_at(each, {"slot"}),
                           size_text(bytes_at(each, {"kept_bytes"})));
    if (list_at(status, "replication").empty()) out << "standby      none\n";
    if (bytes_at(status, {"health", "checksum_failures"}) > 0)
        out << "damage       pages with a wrong checksum: " << text_at(status, {"health", "checksum_failures"}) << '\n';
    print_tables(context, status);
}

int show(Context& context, const StatusOptions& options) {
    if (!context.store) throw Failure{failed, "this program has no store"};
    const auto found =
        context.store->status(load_settings(options.settings.flags(context), options.settings), options.check);
    if (!found) throw Failure{unreachable, found.error().detail};
    const json::value status(*found);
    if (context.json) print_raw(context, json_text(status));
    else if (text_at(status, {"driver"}) == "sqlite") print_sqlite(context.out, status);
    else print_postgres(context, status);
    const auto* mark = find(status, {"mark"});
    if (mark && !context.json) context.out << "closed       " << printable(text_at(status, {"mark"})) << '\n';
    return list_at(status, "damage").empty() && list_at(status, "faults").empty() ? done : failed;
}

} // namespace

void add_database(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("db", "Look at the database, and move it between SQLite and PostgreSQL");
    group->require_subcommand(1, 1);
    auto options = std::make_shared<StatusOptions>(); // shared with the callback, which the app copies
    auto* command = group->add_subcommand("status", "Show the database's size, waste, statements and standbys");
    command->add_flag("--check", options->check, "Look at every page of SQLite's file, which takes seconds");
    add_setting_options(*command, options->settings);
    command->footer("It asks the database itself, beside a daemon or without one. Exit status 1 when it is damaged or "
                    "unfit, 3\nwhen it cannot be reached.\n"
                    "Examples:\n"
                    "  millrace db status\n"
                    "  millrace db status --check --data ./data\n"
                    "  millrace db status --json | jq .oldest_transaction");
    command->callback(
        [&context, options] { context.action = [&context, options] { return show(context, *options); }; });
    add_database_move(*group, context);
}

} // namespace millrace::cli
