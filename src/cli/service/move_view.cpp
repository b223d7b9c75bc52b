#include "cli/service/move_view.hpp"

#include "cli/table.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <ostream>

namespace millrace::cli {
namespace {

constexpr double rows_per_second = 50'000; // of a usual machine, copying and comparing

void print_list(std::ostream& out, const json::value& report, std::string_view name, std::string_view sign) {
    const auto* list = find(report, {name});
    if (!list || !list->is_array()) return;
    for (const auto& each : list->get_array())
        out << "  " << sign << ' ' << printable(std::string_view{each.get_string()}) << '\n';
}

void print_tables(std::ostream& out, const json::value& report, bool compared, std::size_t width) {
    std::vector<Table::Column> columns{{.title = "TABLE", .elastic = true},
                                       {.title = "ROWS", .align = Table::Align::right}};
    if (compared) columns.push_back({.title = "HASH OF BOTH"});
    Table table{std::move(columns)};
    if (const auto* tables = find(report, {"tables"}); tables && tables->is_array())
        for (const auto& each : tables->get_array()) {
            std::vector<std::string> cells{member(each, "name"), member(each, "rows")};
            if (compared) cells.push_back(member(each, "hash"));
            table.row(std::move(cells));
        }
    table.print(out, {.width = width});
    out << '\n';
}

void print_next_steps(std::ostream& out, const json::value& report) {
    const auto target = printable(text_at(report, {"target"}));
    if (target.starts_with("sqlite:"))
        out << "Now remove store.url from the configuration (and MILLRACE_STORE_URL), and start the daemon.\n";
    else out << "Now set store.url to " << target << ", with its password, and start the daemon.\n";
    out << "The old store stays as it was; no daemon starts on it. Blobs and models have not moved.\n";
}

} // namespace

void print_move(std::ostream& out, const json::value& report, std::size_t width) {
    const auto outcome = text_at(report, {"outcome"});
    out << "from  " << printable(text_at(report, {"source"})) << "\nto    " << printable(text_at(report, {"target"}))
        << "\n\n";
    if (outcome == "already") {
        out << "The rows were moved there before.\n";
        return print_next_steps(out, report);
    }
    if (outcome == "refused") {
        out << "The move cannot be made. Nothing was changed. In the way:\n";
        return print_list(out, report, "obstacles", "-");
    }
    print_tables(out, report, outcome == "moved", width);
    print_list(out, report, "notices", "note:");
    if (outcome == "planned")
        out << fmt::format(
            "{} rows, {}. Nothing stands in the way. Expect {} for the copy, of which the daemon has to be "
            "stopped for the last part.\n",
            text_at(report, {"rows"}), size_text(static_cast<std::uint64_t>(number_at(report, {"bytes"}))),
            seconds_text(1 + number_at(report, {"rows"}) / rows_per_second));
    if (number_at(report, {"seconds_running"}) > 0)
        out << fmt::format("{} rows copied while the daemon worked, in {}.\n",
                           text_at(report, {"copied_while_running"}),
                           seconds_text(number_at(report, {"seconds_running"})));
    if (outcome == "copied")
        out << "The copy is fresh. Now stop the daemon (systemctl stop millrace) and run the same command again: it "
               "copies what is new,\nand switches. With --stop it does both at once.\n";
    if (outcome != "moved") return;
    out << fmt::format("{} rows copied while no daemon ran; that took {}.\n{} rows in all: both databases are alike by "
                       "number and hash of every table.\n\n",
                       text_at(report, {"copied_while_stopped"}), seconds_text(number_at(report, {"seconds_stopped"})),
                       text_at(report, {"rows"}));
    print_next_steps(out, report);
    if (const auto file = text_at(report, {"report"}); file != "-") out << "This report is in " << file << '\n';
}

} // namespace millrace::cli
