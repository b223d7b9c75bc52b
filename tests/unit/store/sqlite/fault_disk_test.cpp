#include "unit/store/fixture.hpp"

#include "store/sqlite/connection.hpp"
#include "store/sqlite/fault_disk.hpp"

#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

using namespace millrace;
using namespace millrace::store;
using millrace::store::test::adding;

namespace {

DiskFaults faults(const std::string& text) { return parse_disk_faults(text).value(); }

// Runs `body` in a process of its own that ends as if killed: nothing is closed. What it leaves is on disk.
void run_and_die(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            body();
        } catch (...) { // must not become a second run of the tests
            ::_exit(2);
        }
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
}

std::int64_t rows(const std::filesystem::path& file) {
    Connection connection{file, Connection::Access::write};
    return connection.integer("SELECT count(*) FROM things");
}

void make_things(const std::filesystem::path& file) {
    Connection connection{file, Connection::Access::write};
    connection.script("CREATE TABLE things (name TEXT)");
}

} // namespace

TEST_CASE("faults are ordered in words, alone or together") {
    const auto some = parse_disk_faults("full-after:4096,lose-unflushed,fsync-fails:3");
    REQUIRE(some.has_value());
    CHECK(some->full_after == 4096);
    CHECK(some->lose_unflushed);
    CHECK(some->failing_flush == 3);
    CHECK(parse_disk_faults("full-file:/a:b")->full_while_exists == "/a:b");
    CHECK(parse_disk_faults("fsync-file:x")->flushes_fail_while_exists == "x");
    for (const char* wrong : {"", "full", "full-after:", "full-after:many", "fsync-fails:0", "fsync-fails:-1",
                              "lose-unflushed:1", "lose-unflushed,"})
        CHECK_MESSAGE(!parse_disk_faults(wrong).has_value(), wrong);
}

TEST_CASE(
    "a disk that loses what is unflushed keeps each commit that was flushed, over readers, checkpoints and cuts") {
    test::Folder folder;
    const auto file = folder.path / "a.db";
    run_and_die([&] {
        FaultDisk disk{faults("lose-unflushed")};
        make_things(file);
        Connection writer{file, Connection::Access::write}, reader{file, Connection::Access::read};
        for (int i = 0; i < 500; ++i) {
            writer.script("INSERT INTO things VALUES (hex(randomblob(3000)))");
            if (reader.integer("SELECT count(*) FROM things") != i + 1) ::_exit(1);
            if (i % 50 == 0) writer.checkpoint(Connection::Checkpoint::truncate, std::chrono::milliseconds{0});
        }
        ::_exit(0);
    });
    CHECK(rows(file) == 500);
    Connection connection{file, Connection::Access::write};
    CHECK(connection.integer("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1);
}

TEST_CASE("a disk that loses what is unflushed loses commits that were not flushed") {
    test::Folder folder;
    const auto file = folder.path / "a.db";
    make_things(file);
    run_and_die([&] {
        FaultDisk disk{faults("lose-unflushed")};
        Connection writer{file, Connection::Access::write};
        writer.script("INSERT INTO things VALUES ('flushed'); PRAGMA synchronous = NORMAL; INSERT INTO things VALUES "
                      "('not flushed')");
        if (writer.integer("SELECT count(*) FROM things") != 2) ::_exit(1);
        ::_exit(0);
    });
    CHECK(rows(file) == 1);
}

TEST_CASE("a failed flush drops what it should have kept, and only the ordered one fails") {
    test::Folder folder;
    const auto file = folder.path / "a.db";
    make_things(file);
    run_and_die([&] {
        FaultDisk disk{faults("lose-unflushed,fsync-fails:3")}; // after the log's head and the first commit
        bool failed = false;
        {
            Connection writer{file, Connection::Access::write};
            writer.script("INSERT INTO things VALUES ('a')");
            try {
                writer.script("INSERT INTO things VALUES ('b')");
            } catch (const DatabaseError& error) { failed = error.fault() == Fault::broken; }
            writer.leave_log_alone();
        } // a close in order hands over all that was not dropped
        ::_exit(failed ? 0 : 1);
    });
    CHECK(rows(file) == 1);
}

TEST_CASE("a disk that is full after so many bytes takes them and no more") {
    test::Folder folder;
    const auto file = folder.path / "a.db";
    make_things(file);
    FaultDisk disk{faults("full-after:100000")};
    Connection writer{file, Connection::Access::write};
    int taken = 0;
    CHECK_THROWS_AS(
        [&] {
            for (; taken < 100; ++taken) writer.script("INSERT INTO things VALUES (hex(randomblob(3000)))");
        }(),
        DatabaseError);
    CHECK(taken > 5);
    CHECK(taken < 17);
    CHECK(writer.integer("SELECT count(*) FROM things") == taken);
}

TEST_CASE("a disk is full, or fails to flush, while a file says so") {
    test::Folder folder;
    const auto file = folder.path / "a.db", sign = folder.path / "sign";
    make_things(file);
    for (const std::string kind : {"full-file:", "fsync-file:"}) {
        FaultDisk disk{faults(kind + sign.string())};
        Connection writer{file, Connection::Access::write};
        const auto before = writer.integer("SELECT count(*) FROM things");
        std::ofstream{sign} << "now";
        CHECK_THROWS_AS(writer.script("INSERT INTO things VALUES ('a')"), DatabaseError);
        std::filesystem::remove(sign);
        writer.script("INSERT INTO things VALUES ('b')");
        CHECK(writer.integer("SELECT count(*) FROM things") == before + 1);
    }
}
