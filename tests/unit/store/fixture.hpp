// A database in a folder of its own, for the tests of the store.
#pragma once
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "unit/store/test_database.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

namespace millrace {

// For doctest's messages.
inline std::ostream& operator<<(std::ostream& out, const Error& error) { return out << error.detail; }

} // namespace millrace

namespace millrace::store::test {

class Folder {
public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-store-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path;
};

struct Fixture {
    Folder folder;
    telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1}; // nowhere
    telemetry::Metrics metrics;
    SqliteOptions options{.data = folder.path, .on_failure = {}};
    std::unique_ptr<Database> database;

    // On the driver that the tests run on.
    Database& open() { return keep(open_database(options, log, metrics)); }
    Database& open_sqlite() { return keep(store::open_sqlite(options, log, metrics)); }

private:
    Database& keep(Result<std::unique_ptr<Database>> opened) {
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().detail));
        database = std::move(*opened);
        return *database;
    }
};

// A row to write: organisations are the table with the fewest columns.
inline Result<void> add_organization(SystemSession& session, const std::string& name) {
    session.execute("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)", {name, name, 1});
    return success();
}
inline auto adding(std::string name) {
    return [name = std::move(name)](SystemSession& session) { return add_organization(session, name); };
}
// How many organisations there are besides the default one.
inline std::int64_t added(Database& database) {
    return database
        .read_blocking([](SystemSession& session) -> Result<std::int64_t> {
            auto rows = session.query("SELECT count(*) FROM organizations WHERE name <> 'default'");
            rows.next();
            return rows.integer(0);
        })
        .value();
}

} // namespace millrace::store::test
