#include "store/move/source_check.hpp"

#include "base/utf8.hpp"
#include "store/migrations.hpp"
#include "store/move/move_state.hpp"
#include "store/move/sqlite_side.hpp"
#include "store/move_marks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::store {
namespace {

constexpr int most_findings = 5; // of one kind: more say nothing new

void check_file(SqliteSide& source, MoveReport& report) {
    int found = 0;
    auto damage = source.session().query("SELECT integrity_check FROM pragma_integrity_check(5)");
    while (damage.next())
        if (damage.text(0) != "ok")
            report.obstacles.push_back(
                fmt::format("the source is damaged: {}; put it back from a backup", damage.text(0)));
    auto orphans =
        source.session().query("SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2");
    while (orphans.next() && ++found <= most_findings)
        report.obstacles.push_back(fmt::format("{} rows of {} name a row of {} that is not there", orphans.integer(2),
                                               orphans.text(0), orphans.text(1)));
}

// What of a table's texts PostgreSQL would refuse, or store otherwise.
struct TextFindings {
    std::int64_t broken = 0, zeros = 0, zeros_in_keys = 0; // rows
};

void look_at(const Cursor& row, const TableShape& shape, TextFindings& found) {
    bool broken = false, zeros = false, in_key = false;
    for (std::size_t i = 0; i < shape.columns.size(); ++i) {
        if (shape.columns[i].type != TableColumn::Type::text || row.is_null(static_cast<int>(i))) continue;
        const auto text = row.text(static_cast<int>(i));
        broken = broken || !valid_utf8(text);
        if (text.find('\0') == std::string_view::npos) continue;
        zeros = true;
        in_key = in_key || std::find(shape.key.begin(), shape.key.end(), i) != shape.key.end();
    }
    found.broken += broken ? 1 : 0;
    found.zeros += zeros ? 1 : 0;
    found.zeros_in_keys += in_key ? 1 : 0;
}

void note(const TextFindings& found, const std::string& table, MoveReport& report) {
    if (found.broken > 0)
        report.obstacles.push_back(
            fmt::format("{} rows of {} have texts that are no UTF-8, which PostgreSQL refuses", found.broken, table));
    if (found.zeros_in_keys > 0)
        report.obstacles.push_back(fmt::format(
            "{} rows of {} have the character U+0000 in their keys, which PostgreSQL cannot store; remove them",
            found.zeros_in_keys, table));
    if (const auto others = found.zeros - found.zeros_in_keys; others > 0)
        report.notices.push_back(fmt::format(
            "{} rows of {} have the character U+0000, which PostgreSQL cannot store: U+FFFD takes its place", others,
            table));
}

void check_rows(Side& source, const MoveOptions& options, const MoveWatch& watch, MoveReport& report) {
    const auto tables = source.tables();
    double done = 0;
    for (const auto& shape : tables) {
        TextFindings found;
        MovedTable table{shape.name, 0, 0};
        const auto reading = source.read(shape, {});
        while (reading->next()) {
            if (++table.rows % 4096 == 0) watch("looking at the rows", -1);
            if (!options.target_url.empty()) look_at(reading->row(), shape, found);
        }
        watch("looking at the rows", ++done / static_cast<double>(tables.size()));
        note(found, shape.name, report);
        report.tables.push_back(std::move(table));
    }
}

} // namespace

void check_source(Side& source, const MoveOptions& options, const MoveWatch& watch, MoveReport& report) {
    report.source_bytes = source.bytes();
    const int newest = load_migrations(embedded::migrations()).value().back().version;
    if (const auto mark = mark_of(source); mark && *mark != StoreMark{moved_away, options.target_name})
        return report.obstacles.push_back("the source: " + marked(mark->version, mark->name).detail);
    if (const int schema = schema_of(source); schema != newest)
        return report.obstacles.push_back(
            fmt::format("the source has schema {}, and this program has {}; {}", schema, newest,
                        schema > newest ? "use the newer program" : "start the daemon of this version once"));
    if (auto* file = dynamic_cast<SqliteSide*>(&source)) check_file(*file, report);
    try {
        check_rows(source, options, watch, report);
    } catch (const DatabaseError& error) {
        report.obstacles.push_back(fmt::format("the source cannot be read: {}", error.what()));
    }
}

} // namespace millrace::store
