// What SQLite itself can do here: rows a second of one connection in one thread, with a flush for each group. The
// measure for the store (bench_store), which does the same for callers on other threads.
//   bench_sqlite_ceiling [FOLDER] [SECONDS]
#include "job_row.hpp"

#include "base/clock.hpp"
#include "base/embedded.hpp"
#include "base/id.hpp"
#include "values/principal.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

using namespace millrace;
using SteadyClock = std::chrono::steady_clock;

void check(sqlite3* db, int code) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    std::fprintf(stderr, "%s\n", sqlite3_errmsg(db));
    std::exit(1);
}

class Raw {
public:
    explicit Raw(const std::filesystem::path& file) {
        check(db_, sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   nullptr));
        run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size "
            "= -16384");
        for (const auto& step : embedded::migrations().list()) // sorted: 0001_first.up.sql, 0002_queue.up.sql …
            if (step.path.ends_with(".up.sql")) run(std::string{step.text()}.c_str());
        insert_ = prepare(bench::insert_job);
        begin_ = prepare("BEGIN IMMEDIATE");
        commit_ = prepare("COMMIT");
    }
    ~Raw() {
        for (auto* statement : {insert_, begin_, commit_}) sqlite3_finalize(statement);
        sqlite3_close(db_);
    }

    void group(int rows) {
        step(begin_);
        for (int i = 0; i < rows; ++i) insert();
        step(commit_);
    }

private:
    void run(const char* sql) { check(db_, sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }
    sqlite3_stmt* prepare(const char* sql) {
        sqlite3_stmt* statement = nullptr;
        check(db_, sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr));
        return statement;
    }
    void step(sqlite3_stmt* statement) {
        check(db_, sqlite3_step(statement));
        sqlite3_reset(statement);
    }
    void text(int index, const char* value, int size = -1) {
        sqlite3_bind_text(insert_, index, value, size, SQLITE_STATIC);
    }
    void insert() {
        char id[36], organization[36];
        JobId::make().value.write_text(id);
        values::default_organization.value.write_text(organization);
        const auto now = SystemClock::instance().now().micros;
        text(1, organization, 36);
        text(2, id, 36);
        text(3, "infer");
        text(4, "default");
        text(5, "queued");
        sqlite3_bind_int64(insert_, 6, 5);
        text(7, bench::payload);
        text(8, "{}");
        sqlite3_bind_int64(insert_, 9, 4);
        sqlite3_bind_int64(insert_, 10, 1'800'000'000);
        sqlite3_bind_int64(insert_, 11, now);
        sqlite3_bind_int64(insert_, 12, now);
        step(insert_);
    }

    sqlite3* db_ = nullptr;
    sqlite3_stmt *insert_ = nullptr, *begin_ = nullptr, *commit_ = nullptr;
};

} // namespace

int main(int argc, char** argv) {
    const std::filesystem::path base = argc > 1 ? argv[1] : std::filesystem::temp_directory_path();
    const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
    std::string pattern = (base / "millrace-ceiling-XXXXXX").string();
    const std::filesystem::path folder = ::mkdtemp(pattern.data());
    std::printf("%8s %12s %12s\n", "group", "rows/s", "commits/s");
    for (const int size : {1, 16, 64, 512}) {
        const auto file = folder / (std::to_string(size) + ".db");
        Raw raw{file};
        for (int i = 0; i < 40; ++i) raw.group(512); // the log at its full size: from here on it is overwritten
        long groups = 0;
        const auto start = SteadyClock::now();
        double elapsed = 0;
        while (elapsed < seconds) {
            raw.group(size);
            ++groups;
            elapsed = std::chrono::duration<double>(SteadyClock::now() - start).count();
        }
        std::printf("%8d %12.0f %12.0f\n", size, static_cast<double>(groups * size) / elapsed,
                    static_cast<double>(groups) / elapsed);
    }
    std::filesystem::remove_all(folder);
}
