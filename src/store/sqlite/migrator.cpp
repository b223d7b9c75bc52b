#include "store/sqlite/migrator.hpp"

#include "base/crash_point.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace millrace::store {
namespace {

constexpr const char* create_table = R"(CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT)";
constexpr const char* add_row = "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)";
constexpr const char* remove_row = "DELETE FROM schema_migrations WHERE version = $1";

// Runs `steps` in a transaction of their own.
template <class Steps>
Result<void> in_transaction(Connection& connection, const std::string& doing, Steps steps) {
    try {
        connection.script("BEGIN IMMEDIATE");
        steps();
        crash_point("migration.before_commit");
        connection.script("COMMIT");
        crash_point("migration.after_commit");
        return success();
    } catch (const DatabaseError& error) {
        if (connection.in_transaction()) connection.script("ROLLBACK");
        return Error{error.fault() == Fault::full ? Code::storage_full : Code::internal, doing + ": " + error.what()};
    }
}

void record(Connection& connection, const char* sql, std::initializer_list<Value> values) {
    auto& statement = connection.statement(sql);
    statement.bind(nullptr, {values.begin(), values.size()}, Statement::Lifetime::outlives);
    statement.run();
}

Result<void> step_up(Connection& connection, const Migration& migration, Timestamp now) {
    return in_transaction(connection, "upgrade to schema " + std::to_string(migration.version), [&] {
        connection.script(std::string{migration.up});
        record(connection, add_row, {migration.version, migration.name, now});
    });
}

Result<void> step_down(Connection& connection, const Migration& migration) {
    return in_transaction(connection, "downgrade from schema " + std::to_string(migration.version), [&] {
        connection.script(std::string{migration.down});
        record(connection, remove_row, {migration.version});
    });
}

} // namespace

Result<std::vector<Migration>> load_migrations(const embedded::Files& files) {
    std::map<int, Migration> found;
    for (const auto& file : files.list()) {
        int version = 0;
        std::from_chars(file.path.data(), file.path.data() + file.path.size(), version);
        auto& migration = found[version];
        const auto underscore = file.path.find('_');
        const bool up = file.path.ends_with(".up.sql");
        const auto suffix = std::string_view{up ? ".up.sql" : ".down.sql"};
        if (underscore == std::string_view::npos || !file.path.ends_with(suffix))
            return Error{Code::internal, "not the name of a migration: " + std::string{file.path}};
        migration.name = file.path.substr(underscore + 1, file.path.size() - suffix.size() - underscore - 1);
        (up ? migration.up : migration.down) = file.text();
    }
    std::vector<Migration> migrations;
    for (auto& [version, migration] : found) {
        migration.version = version;
        if (version != static_cast<int>(migrations.size()) + 1 || migration.up.empty() || migration.down.empty())
            return Error{Code::internal, "migration " + std::to_string(version) + " is incomplete or out of order"};
        migrations.push_back(std::move(migration));
    }
    return migrations;
}

int schema_version(Connection& connection) {
    if (connection.integer("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'") ==
        0)
        return 0;
    return static_cast<int>(connection.integer("SELECT max(version) FROM schema_migrations"));
}

Result<void> migrate(Connection& connection, std::span<const Migration> migrations, int target, Timestamp now) {
    int version = 0;
    try {
        connection.script(create_table);
        version = schema_version(connection);
    } catch (const DatabaseError& error) {
        return Error{Code::internal, std::string{"the database cannot be read: "} + error.what()};
    }
    const int last = static_cast<int>(migrations.size());
    if (version > last)
        return Error{Code::conflict, "the database has schema " + std::to_string(version) +
                                         ", this version knows up to " + std::to_string(last) +
                                         "; install the newer version again"};
    for (; version < std::min(target, last); ++version)
        if (auto done = step_up(connection, migrations[static_cast<std::size_t>(version)], now); !done) return done;
    for (; version > std::max(target, 0); --version)
        if (auto done = step_down(connection, migrations[static_cast<std::size_t>(version) - 1]); !done) return done;
    return success();
}

} // namespace millrace::store
