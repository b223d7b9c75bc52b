#include "store/move/target_check.hpp"

#include "store/move/move_state.hpp"
#include "store/move/sqlite_side.hpp"
#include "store/move_marks.hpp"
#include "store/postgres/node_row.hpp"
#include "store/postgres/server_check.hpp"

#include <fmt/format.h>

#include <thread>

#include <unistd.h>

namespace millrace::store {
namespace {

namespace fs = std::filesystem;

constexpr int lock_tries = 10;
constexpr std::chrono::milliseconds lock_pause{100};

void compare_space(std::uint64_t needed, const fs::path& folder, MoveReport& report) {
    std::error_code failure;
    const auto space = fs::space(folder, failure);
    if (!failure && space.available < needed)
        report.obstacles.push_back(fmt::format("{} has {} MiB free, and the rows may need {} MiB", folder.string(),
                                               space.available >> 20, needed >> 20));
}

// The server's disk, where it is this machine's and may be looked at. Rows take more there: wider columns, a log.
void check_space(PgConnection& connection, MoveReport& report) {
    const auto needed = 3 * report.source_bytes;
    const auto folder = connection.text("SELECT setting FROM pg_settings WHERE name = 'data_directory' AND "
                                        "inet_server_addr() IS NULL");
    std::error_code failure;
    if (folder && !folder->empty() && fs::exists(*folder, failure)) return compare_space(needed, *folder, report);
    report.notices.push_back(
        fmt::format("the server's free space cannot be seen from here: about {} MiB are needed", needed >> 20));
}

void check_rights(PgConnection& connection, MoveReport& report) {
    const auto schema = connection.text("SELECT current_schema()");
    if (!schema) return report.obstacles.push_back("no schema of the role's search_path is there; create one");
    if (connection.text("SELECT has_schema_privilege(current_schema(), 'CREATE')") != "t")
        report.obstacles.push_back(
            fmt::format("the role may not make tables in the schema {}: GRANT CREATE, USAGE ON SCHEMA {} TO the role",
                        *schema, *schema));
    const auto others = connection.text(
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT pg_has_role(relowner, 'USAGE')");
    if (others != "0")
        report.obstacles.push_back(fmt::format("{} tables there belong to another role, which has to give them away",
                                               others.value_or("some")));
}

// A move that was killed just now may be there for another moment.
bool is_free(PgConnection& connection) {
    NodeRow row{connection, "move"};
    for (int tries = 0; !row.lock(); std::this_thread::sleep_for(lock_pause))
        if (++tries == lock_tries) return false;
    return true;
}

bool holds_rows(PgSide& target) {
    for (const auto& shape : target.tables()) {
        const auto count = target.connection().text(
            fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 2) AS found", sql_name(shape.name)));
        // A new database has an organisation.
        if (std::stoi(count.value_or("0")) > (shape.name == "organizations" ? 1 : 0)) return true;
    }
    return false;
}

void check_content(PgSide& target, const MoveOptions& options, MoveReport& report) {
    const auto mark = mark_of(target);
    if (mark && mark->version == being_filled && mark->name != options.source_name)
        report.obstacles.push_back(fmt::format("an unfinished move from {} fills it; finish that one, or drop the "
                                               "database and create it anew",
                                               mark->name));
    if (mark && mark->version == moved_away)
        report.obstacles.push_back(fmt::format("it holds the rows that were moved away, to {}; drop the database and "
                                               "create it anew, or name another",
                                               mark->name));
    if (!mark && target.has_schema() && holds_rows(target))
        report.obstacles.push_back("it holds rows of Millrace already; name another database, or drop it and create it "
                                   "anew");
}

// The database that the new one replaces.
void check_old(const fs::path& file, MoveReport& report) {
    std::error_code failure;
    if (!fs::exists(file, failure)) return;
    try {
        SqliteSide old{file, Connection::Access::read};
        const auto mark = mark_of(old);
        if (!mark || mark->version != moved_away)
            report.obstacles.push_back(
                fmt::format("{} is there, and its rows were never moved away; put it elsewhere", file.string()));
    } catch (const DatabaseError& error) {
        report.obstacles.push_back(fmt::format("{} cannot be read: {}", file.string(), error.what()));
    }
}

} // namespace

void check_target(PgSide& target, const MoveOptions& options, MoveReport& report) {
    auto& connection = target.connection();
    const auto faults = server_faults(connection);
    for (const auto& fault : faults) report.obstacles.push_back("the target: " + fault);
    if (!faults.empty() && faults.front().starts_with("the server is "))
        return; // what other products answer means nothing
    check_rights(connection, report);
    check_space(connection, report);
    if (!is_free(connection))
        report.obstacles.push_back("a daemon, or another move, works on the target database; stop it");
    check_content(target, options, report);
}

void check_target(const fs::path& filling, const MoveOptions& options, MoveReport& report) {
    if (::access(options.data.c_str(), W_OK | X_OK) != 0)
        report.obstacles.push_back(fmt::format("the folder {} cannot be written by this user", options.data.string()));
    compare_space(2 * report.source_bytes, options.data, report);
    check_old(options.data / "millrace.db", report);
    std::error_code failure;
    if (fs::exists(filling, failure)) {
        try {
            SqliteSide target{filling, Connection::Access::read};
            if (const auto mark = mark_of(target); mark && mark->name != options.source_name)
                report.obstacles.push_back(
                    fmt::format("an unfinished move from {} is in {}; finish that one, or delete "
                                "the file",
                                mark->name, filling.string()));
        } catch (const DatabaseError& error) {
            report.obstacles.push_back(fmt::format("{} cannot be read: {}", filling.string(), error.what()));
        }
    }
}

} // namespace millrace::store
