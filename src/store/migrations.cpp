#include "store/migrations.hpp"

#include "base/crash_point.hpp"
#include "store/move_marks.hpp"
#include "store/sql.hpp"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <ranges>

namespace millrace::store {
namespace {

// Runs the script and notes the step, in a transaction of their own.
Result<void> step(Schema& schema, const std::string& doing, std::string_view script, const std::string& note) {
    try {
        schema.begin();
        schema.run(std::string{script});
        schema.run(note);
        crash_point("migration.before_commit");
        schema.commit();
        crash_point("migration.after_commit");
        return success();
    } catch (const DatabaseError& error) {
        schema.roll_back();
        return Error{error.fault() == Fault::full ? Code::storage_full : Code::internal, doing + ": " + error.what()};
    }
}

Result<void> step_up(Schema& schema, const Migration& migration, Timestamp now) {
    return step(schema, fmt::format("upgrade to schema {}", migration.version), migration.up,
                fmt::format("INSERT INTO schema_migrations (version, name, applied_at) VALUES ({}, '{}', {})",
                            migration.version, migration.name, now.micros));
}

Result<void> step_down(Schema& schema, const Migration& migration) {
    return step(schema, fmt::format("downgrade from schema {}", migration.version), migration.down,
                fmt::format("DELETE FROM schema_migrations WHERE version = {}", migration.version));
}

bool is_plain(std::string_view name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

} // namespace

Result<std::vector<Migration>> load_migrations(const embedded::Files& files, int first) {
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
        if (!is_plain(migration.name))
            return Error{Code::internal, "not the name of a migration: " + std::string{file.path}};
        (up ? migration.up : migration.down) = file.text();
    }
    std::vector<Migration> migrations;
    for (auto& [version, migration] : found) {
        migration.version = version;
        if (version != static_cast<int>(migrations.size()) + first || migration.up.empty() || migration.down.empty())
            return Error{Code::internal, "migration " + std::to_string(version) + " is incomplete or out of order"};
        migrations.push_back(std::move(migration));
    }
    return migrations;
}

Result<void> migrate(Schema& schema, std::span<const Migration> migrations, int target, Timestamp now) {
    int version = 0;
    try {
        schema.prepare();
        version = schema.version();
        if (version >= moved_away) return marked(version, schema.name(version));
    } catch (const DatabaseError& error) {
        return Error{Code::internal, std::string{"the database cannot be read: "} + error.what()};
    }
    const int last = migrations.empty() ? 0 : migrations.back().version;
    if (version > last)
        return Error{Code::conflict, "the database has schema " + std::to_string(version) +
                                         ", this version knows up to " + std::to_string(last) +
                                         "; install the newer version again"};
    for (const auto& migration : migrations)
        if (migration.version > version && migration.version <= target)
            if (auto done = step_up(schema, migration, now); !done) return done;
    for (const auto& migration : migrations | std::views::reverse)
        if (migration.version <= version && migration.version > target)
            if (auto done = step_down(schema, migration); !done) return done;
    return success();
}

} // namespace millrace::store
