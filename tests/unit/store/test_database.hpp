// The database of a test. SQLite in the test's folder; where MILLRACE_TEST_POSTGRES names a server
// (tests/support/postgres_server.py), a database of its own there, which is dropped some time after the folder is gone.
#pragma once
#include "base/embedded.hpp"
#include "store/postgres.hpp"
#include "store/postgres/pg_connection.hpp"
#include "store/sqlite.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::store::test {

// The URL of a server's database on which others are made; nullptr: the tests run on SQLite.
inline const char* postgres_server() { return std::getenv("MILLRACE_TEST_POSTGRES"); }

class PostgresDatabases {
public:
    static PostgresDatabases& all() {
        static PostgresDatabases one;
        return one;
    }

    // Of the folder's own database: migrated when it is new.
    std::string url(const std::filesystem::path& folder) {
        for (const auto& [its, name] : made_)
            if (its == folder) return url_of(name);
        drop_old();
        const auto name = new_name();
        server_.script("CREATE DATABASE " + name + " TEMPLATE " + template_);
        made_.emplace_back(folder, name);
        return url_of(name);
    }
    // An empty one.
    std::string empty_url() {
        const auto name = new_name();
        server_.script("CREATE DATABASE " + name);
        return url_of(name);
    }

private:
    PostgresDatabases() : server_{postgres_server(), "tests", std::chrono::seconds{30}} {
        server_.connect();
        template_ = new_name();
        server_.script("CREATE DATABASE " + template_);
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-template-XXXXXX").string();
        const std::filesystem::path folder = ::mkdtemp(pattern.data());
        migrate_postgres({.url = url_of(template_), .data = folder, .on_failure = {}}).value();
        std::filesystem::remove_all(folder);
    }

    void drop_old() {
        std::erase_if(made_, [this](const auto& made) {
            if (std::filesystem::exists(made.first)) return false;
            server_.script("DROP DATABASE " + made.second + " WITH (FORCE)");
            return true;
        });
    }
    std::string new_name() { return "test_" + std::to_string(::getpid()) + "_" + std::to_string(++last_); }
    static std::string url_of(const std::string& name) {
        std::string url = postgres_server();
        const auto slash = url.find('/', url.find("//") + 2);
        return url.replace(slash + 1, url.find('?') - slash - 1, name);
    }

    PgConnection server_;
    std::string template_;
    int last_ = 0;
    std::vector<std::pair<std::filesystem::path, std::string>> made_;
};

inline PostgresOptions on_postgres(const SqliteOptions& options) {
    return {.url = PostgresDatabases::all().url(options.data),
            .data = options.data,
            .readers = options.readers,
            .write_queue = options.write_queue,
            .read_queue = options.read_queue,
            .group_limit = options.group_limit,
            .read_limit = options.read_limit,
            .on_commit = options.on_commit,
            .on_failure = options.on_failure};
}

// On the driver that the tests run on.
inline Result<std::unique_ptr<Database>> open_database(const SqliteOptions& options, telemetry::Log& log,
                                                       telemetry::Metrics& metrics) {
    return postgres_server() ? open_postgres(on_postgres(options), log, metrics) : open_sqlite(options, log, metrics);
}

} // namespace millrace::store::test
