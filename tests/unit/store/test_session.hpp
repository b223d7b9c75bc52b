// A session of a migrated database on the test's own thread, on the driver that the tests run on: one connection for
// the whole program, and for each object one transaction that is taken back at its end. So nothing is flushed, and
// thousands of them a second can be made.
#pragma once
#include "store/postgres/pg_session.hpp"
#include "store/sqlite/migrator.hpp"
#include "store/sqlite/session.hpp"
#include "unit/store/test_database.hpp"

namespace millrace::store::test {

class SessionHolder {
public:
    static SessionHolder& one() {
        static SessionHolder holder;
        return holder;
    }
    ~SessionHolder() {
        sqlite_session_.reset();
        sqlite_.reset();
        std::filesystem::remove_all(folder_);
    }

    SystemSession& session() {
        if (postgres_) return *postgres_session_;
        return *sqlite_session_;
    }
    void script(const char* sql) {
        if (postgres_) postgres_->script(sql);
        else sqlite_->script(sql);
    }
    std::int64_t integer(const char* sql) { // the first column of the first row
        return postgres_ ? std::stoll(postgres_->text(sql).value_or("0")) : sqlite_->integer(sql);
    }
    std::int64_t changed_rows() const { return postgres_ ? postgres_session_->changed() : sqlite_->total_changes(); }

private:
    SessionHolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-session-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        if (postgres_server()) {
            postgres_ = std::make_unique<PgConnection>(PostgresDatabases::all().url(folder_), "tests",
                                                       std::chrono::seconds{30});
            postgres_->connect();
            postgres_session_ = std::make_unique<PgSession>(*postgres_);
            return;
        }
        sqlite_ = std::make_unique<Connection>(folder_ / "test.db", Connection::Access::write);
        const auto migrations = load_migrations(embedded::migrations()).value();
        migrate(*sqlite_, migrations, static_cast<int>(migrations.size()), {1}).value();
        sqlite_session_ = std::make_unique<SqliteSession>(*sqlite_);
    }

    std::filesystem::path folder_;
    std::unique_ptr<Connection> sqlite_;
    std::unique_ptr<SqliteSession> sqlite_session_;
    std::unique_ptr<PgConnection> postgres_;
    std::unique_ptr<PgSession> postgres_session_;
};

class TestSession {
public:
    TestSession() { SessionHolder::one().script("BEGIN"); }
    ~TestSession() { SessionHolder::one().script("ROLLBACK"); }
    TestSession(const TestSession&) = delete;
    TestSession& operator=(const TestSession&) = delete;

    SystemSession& get() { return SessionHolder::one().session(); }
    std::int64_t integer(const char* sql) { return SessionHolder::one().integer(sql); }
    std::int64_t changed_rows() const { return SessionHolder::one().changed_rows(); } // since the program started
};

} // namespace millrace::store::test
