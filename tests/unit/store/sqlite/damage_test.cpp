// A log that lost acknowledged commits, a database that is gone: told at start, or at once.
#include "unit/store/fixture.hpp"

#include "store/sqlite/connection.hpp"
#include "store/sqlite/log_mark.hpp"
#include "store/sqlite/log_scan.hpp"
#include "store/sqlite/start_check.hpp"

#include <fstream>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace millrace;
using namespace millrace::store;
using namespace millrace::store::test;

namespace {

// Commits in a process of its own, which then ends as a killed one does: with all commits in the log, none written
// back.
void commit_and_die(const std::filesystem::path& data, int commits) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        telemetry::Log log{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
        telemetry::Metrics metrics;
        SqliteOptions options{.data = data, .on_failure = {}};
        auto database = open_sqlite(options, log, metrics);
        for (int i = 0; database && i < commits; ++i)
            if (!(*database)->write_blocking(adding("name " + std::to_string(i)))) ::_exit(2);
        ::_exit(database ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(status == 0);
}

void overwrite(const std::filesystem::path& file, std::uint64_t at, const std::string& bytes) {
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.seekp(static_cast<std::streamoff>(at));
    stream << bytes;
}

constexpr std::uint64_t frame = 4096 + 24;

struct Damaged : Fixture {
    explicit Damaged(int commits = 20) {
        commit_and_die(folder.path, commits);
        log_file = folder.path / "millrace.db-wal";
        whole = scan_log(log_file).frames;
    }
    Result<std::unique_ptr<Database>> try_to_open() { return store::open_sqlite(options, log, metrics); }
    std::filesystem::path log_file;
    std::uint64_t whole = 0;
};

} // namespace

TEST_CASE("a log that a kill left behind is as long as its mark, and opens") {
    Damaged fixture;
    const auto mark = read_mark(fixture.folder.path);
    REQUIRE(mark.has_value());
    CHECK(mark->frames == fixture.whole);
    CHECK_FALSE(mark->written_back);
    CHECK(mark->life == scan_log(fixture.log_file).life);
    CHECK(added(fixture.open_sqlite()) == 20);
    fixture.database->close();
    CHECK(read_mark(fixture.folder.path)->written_back);
    fixture.database.reset();
    CHECK(added(fixture.open_sqlite()) == 20);
}

TEST_CASE("a log that does not hold what was acknowledged is refused, whatever has happened to it") {
    Damaged fixture;
    const auto path = fixture.log_file;
    SUBCASE("a page is damaged in the middle") { overwrite(path, 32 + fixture.whole / 2 * frame + 100, "xxxx"); }
    SUBCASE("a frame's header is damaged") { overwrite(path, 32 + fixture.whole / 2 * frame + 4, "xxxx"); }
    SUBCASE("the last page is damaged") { overwrite(path, 32 + (fixture.whole - 1) * frame + 100, "xxxx"); }
    SUBCASE("its header is damaged") { overwrite(path, 16, "xxxx"); }
    SUBCASE("it is cut") { std::filesystem::resize_file(path, 32 + (fixture.whole - 1) * frame); }
    SUBCASE("it is empty") { std::filesystem::resize_file(path, 0); }
    SUBCASE("it is gone") { std::filesystem::remove(path); }
    const auto opened = fixture.try_to_open();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Code::conflict);
    CHECK(opened.error().detail.find("store.accept_damage") != std::string::npos);
    CHECK_FALSE(fixture.try_to_open().has_value()); // nothing has changed

    fixture.options.accept_damage = true;
    auto accepted = fixture.try_to_open();
    REQUIRE(accepted.has_value());
    CHECK_FALSE((*accepted)->stats().damage.empty());
    const auto kept = added(**accepted);
    CHECK(kept < 20);
    REQUIRE((*accepted)->write_blocking(adding("after")).has_value());
    accepted->reset(); // closes it, and lets its folder go

    fixture.options.accept_damage = false; // once is enough
    CHECK(fixture.try_to_open().has_value());
}

TEST_CASE("without a mark, damage before a later commit is seen, and a torn end is not taken for it") {
    Damaged fixture;
    std::filesystem::remove(fixture.folder.path / "millrace.db-mark");
    SUBCASE("damage in the middle") {
        overwrite(fixture.log_file, 32 + fixture.whole / 2 * frame + 100, "xxxx");
        CHECK_FALSE(fixture.try_to_open().has_value());
    }
    SUBCASE("the last commit is torn, as by a power cut") {
        overwrite(fixture.log_file, 32 + (fixture.whole - 1) * frame + 100, "xxxx");
        CHECK(fixture.try_to_open().has_value());
    }
}

TEST_CASE("a database that another program wrote back, or one from a backup, opens") {
    Damaged fixture;
    Connection{fixture.folder.path / "millrace.db", Connection::Access::write}.integer(
        "SELECT count(*) FROM organizations");
    CHECK_FALSE(std::filesystem::exists(fixture.log_file)); // written back and removed as the last connection closed
    CHECK(added(fixture.open_sqlite()) == 20);
}

TEST_CASE("a missing, empty or bare database beside what an installation leaves is no new installation") {
    Fixture fixture;
    const auto file = fixture.folder.path / "millrace.db";
    fixture.open_sqlite();
    REQUIRE(fixture.database->write_blocking(adding("one")).has_value());
    fixture.database.reset();
    SUBCASE("missing, beside a mark") { std::filesystem::remove(file); }
    SUBCASE("empty") { std::filesystem::resize_file(file, 0); }
    SUBCASE("missing, beside blobs") {
        for (const auto* name : {"millrace.db", "millrace.db-mark"})
            std::filesystem::remove(fixture.folder.path / name);
        std::filesystem::create_directories(fixture.folder.path / "blobs/hot/ab");
        std::ofstream{fixture.folder.path / "blobs/hot/ab/file"} << "x";
    }
    SUBCASE("without tables") {
        std::filesystem::remove(file);
        Connection{file, Connection::Access::write}.script("CREATE TABLE t (x); DROP TABLE t");
    }
    for (int again = 0; again < 2; ++again) {
        const auto opened = open_sqlite(fixture.options, fixture.log, fixture.metrics);
        REQUIRE_FALSE(opened.has_value());
        CHECK(opened.error().detail.find("no new installation") != std::string::npos);
    }
    fixture.options.accept_damage = true;
    CHECK(added(fixture.open_sqlite()) == 0);
    fixture.database.reset();
    fixture.options.accept_damage = false;
    CHECK(added(fixture.open_sqlite()) == 0);
}

TEST_CASE("a first start that was killed is a new installation") {
    Fixture fixture;
    Connection{fixture.folder.path / "millrace.db", Connection::Access::write}.integer("SELECT 1");
    std::ofstream{fixture.folder.path / "millrace.db-wal"}
        << std::string(1 << 20, char{0}); // as it is grown ahead of commits
    CHECK(added(fixture.open_sqlite()) == 0);
}

TEST_CASE("empty folders beside no database are a new installation") {
    Fixture fixture;
    std::filesystem::create_directories(fixture.folder.path / "blobs/hot/ab/cd");
    std::ofstream{fixture.folder.path / "millrace.db"};
    CHECK(added(fixture.open_sqlite()) == 0);
}

TEST_CASE("a database that vanishes under the store stops it, and is saved") {
    Fixture fixture;
    std::promise<std::string> stopped;
    fixture.options.on_failure = [&](const std::string& reason) { stopped.set_value(reason); };
    fixture.open_sqlite();
    REQUIRE(fixture.database->write_blocking(adding("before")).has_value());
    bool writes = true;
    SUBCASE("deleted, found at the next write") { std::filesystem::remove(fixture.folder.path / "millrace.db"); }
    SUBCASE("its log deleted") { std::filesystem::remove(fixture.folder.path / "millrace.db-wal"); }
    SUBCASE("replaced") {
        std::ofstream{fixture.folder.path / "other"} << "x";
        std::filesystem::rename(fixture.folder.path / "other", fixture.folder.path / "millrace.db");
    }
    SUBCASE("deleted, found without a write") {
        std::filesystem::remove(fixture.folder.path / "millrace.db");
        writes = false;
    }
    SUBCASE("moved away, found without a write") {
        std::filesystem::rename(fixture.folder.path / "millrace.db", fixture.folder.path / "elsewhere");
        writes = false;
    }
    if (writes) CHECK_FALSE(fixture.database->write_blocking(adding("after")).has_value());
    CHECK(stopped.get_future().get().find("millrace.db") != std::string::npos);
    CHECK(fixture.database->failure().has_value());
    fixture.database.reset();
    std::filesystem::path copy;
    for (const auto& entry : std::filesystem::directory_iterator{fixture.folder.path})
        if (entry.path().filename().string().starts_with("millrace.db.rescued-")) copy = entry.path();
    REQUIRE_FALSE(copy.empty());
    std::filesystem::rename(copy, fixture.folder.path / "millrace.db");
    fixture.options.on_failure = {};
    CHECK(added(fixture.open_sqlite()) >= 1);
}
