// The steps between versions of the schema, and how a database is taken from one to another: one transaction a step.
#pragma once
#include "base/clock.hpp"
#include "base/embedded.hpp"
#include "base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::store {

struct Migration {
    int version = 0;
    std::string name;
    std::string_view up, down; // borrowed from `files`
};

// NNNN_name.up.sql and NNNN_name.down.sql, numbered from `first` without a gap; internal when they are not.
Result<std::vector<Migration>> load_migrations(const embedded::Files& files, int first = 1);

// What a driver does for a migration, on its connection. Failures leave as DatabaseError.
class Schema {
public:
    virtual ~Schema() = default;
    // Makes the table schema_migrations (version, name, applied_at) where it is missing.
    virtual void prepare() = 0;
    // The last step that was taken; 0: none.
    virtual int version() = 0;
    virtual std::string name(int version) = 0;
    virtual void begin() = 0;
    virtual void run(const std::string& script) = 0;
    virtual void commit() = 0;
    virtual void roll_back() noexcept = 0; // where a transaction is open
};

// Applies what lies between the database's version and `target`, up or down. conflict when the database is newer than
// the last migration, or its rows were moved away (move_marks.hpp); a failing step leaves the database at the step
// before it.
Result<void> migrate(Schema& schema, std::span<const Migration> migrations, int target, Timestamp now);

} // namespace millrace::store
