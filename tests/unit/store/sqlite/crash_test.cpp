// Kills a process of its own at each crash point of the store, and looks at what is left.
#include "unit/store/fixture.hpp"

#include "store/sqlite/connection.hpp"

#include <fstream>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace millrace;
using namespace millrace::store;

namespace {

// Writes organisations 0, 1, 2 … from several threads into FOLDER until it is killed, and notes each acknowledged one.
void write_until_killed(const std::filesystem::path& folder) {
    test::Fixture fixture;
    fixture.options.data = folder;
    fixture.options.checkpoint_pages = 32;
    auto& database = fixture.open_sqlite();
    const int notes = ::open((folder / "acknowledged").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    std::atomic<int> next{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = next++; i < 3000; i = next++) {
                if (!database.write_blocking(test::adding(std::to_string(i)))) return;
                const auto line = std::to_string(i) + "\n";
                if (::write(notes, line.data(), line.size()) < 0) return;
            }
        });
    for (auto& thread : threads) thread.join();
}

bool killed_at(const char* point, int hit, const std::filesystem::path& folder) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("MILLRACE_CRASH_AT", (std::string{point} + ":" + std::to_string(hit)).c_str(), 1);
        ::setenv("MILLRACE_CRASH_FOLDER", folder.c_str(), 1);
        ::execl("/proc/self/exe", "test_store", "--test-case=the process that is killed", "--no-skip", "--no-intro",
                "--minimal", nullptr);
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

} // namespace

TEST_CASE("the process that is killed" * doctest::skip()) {
    if (const char* folder = std::getenv("MILLRACE_CRASH_FOLDER")) write_until_killed(folder);
}

TEST_CASE("whatever moment the process is killed at, what was acknowledged is there and the database is sound") {
    for (const char* point : {"store.before_begin", "store.before_commit", "store.after_commit",
                              "store.before_checkpoint", "store.after_checkpoint"}) {
        CAPTURE(point);
        for (const int hit : {1, 3}) {
            test::Fixture fixture;
            REQUIRE(killed_at(point, hit * 7, fixture.folder.path));
            auto& database = fixture.open_sqlite();
            std::ifstream notes{fixture.folder.path / "acknowledged"};
            int acknowledged = 0;
            for (std::string name; std::getline(notes, name); ++acknowledged) {
                const auto found = database.read_blocking([&](SystemSession& session) -> Result<bool> {
                    return session.query("SELECT 1 FROM organizations WHERE id = $1", {name}).next();
                });
                CHECK_MESSAGE(found.value(), name);
            }
            CHECK(acknowledged > 0);
            const auto there = test::added(database);
            CHECK(there >= acknowledged);
            CHECK(there <= acknowledged + 4); // one of each thread may have been on disk without its answer
            const auto sound = database.read_blocking([](SystemSession& session) -> Result<std::string> {
                auto rows = session.query("PRAGMA integrity_check");
                return rows.string(0);
            });
            CHECK(sound.value() == "ok");
            CHECK(database.write_blocking(test::adding("afterwards")));
        }
    }
}
