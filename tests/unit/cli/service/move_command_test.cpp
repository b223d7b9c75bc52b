#include "cli/commands.hpp"
#include "cli/service/store_tools.hpp"
#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace millrace;
using namespace millrace::cli;
using test::contains;

namespace {

// `millrace db …` against a store that answers as it is told.
struct FakeStore {
    std::string folder = (std::filesystem::temp_directory_path() / "millrace-move-XXXXXX").string();
    json::object answer{{"outcome", "moved"},
                        {"reachable", true},
                        {"source", "sqlite:/d"},
                        {"target", "postgres://u:***@h/d"},
                        {"rows", 3},
                        {"tables", json::array{json::object{{"name", "jobs"}, {"rows", 3}, {"hash", "00ff"}}}}};
    MoveOrder order;

    FakeStore() { REQUIRE(::mkdtemp(folder.data())); }
    ~FakeStore() { std::filesystem::remove_all(folder); }

    test::Outcome run(std::vector<std::string> arguments) {
        const StoreTools tools{[this](const config::Loaded&, const MoveOrder& given, const StoreTools::Watch& watch) {
                                   order = given;
                                   watch("copying", 0.5);
                                   return Result<json::object>{answer};
                               },
                               [this](const config::Loaded&, bool) { return Result<json::object>{answer}; }};
        std::ostringstream out, err;
        Context context{out, err};
        context.store = &tools;
        std::vector<const char*> argv{"millrace", "db", "--data", folder.c_str()};
        for (const auto& argument : arguments) argv.push_back(argument.c_str());
        const int code = run_in(context, static_cast<int>(argv.size()), argv.data(), [](config::Loaded) { return 0; });
        return {code, out.str(), err.str()};
    }
};

} // namespace

TEST_CASE("a move is ordered as it was typed, and its report is also left in the data folder") {
    FakeStore store;
    const auto done = store.run({"move", "--to", "postgres://h/d", "--stop", "--chunk", "7"});
    CHECK(done.code == 0);
    CHECK(store.order.to == "postgres://h/d");
    CHECK(store.order.stop);
    CHECK(store.order.chunk_rows == 7);
    CHECK_FALSE(store.order.dry_run);
    CHECK(contains(done.out, "both databases are alike"));
    CHECK(contains(done.out, "set store.url to postgres://u:***@h/d"));
    CHECK(done.err.empty());
    const auto file = std::filesystem::directory_iterator { store.folder } -> path();
    CHECK(file.filename().string().starts_with("move-"));
    std::ifstream report{file};
    const std::string text{std::istreambuf_iterator<char>{report}, {}};
    CHECK(contains(text, "00ff"));
    CHECK(contains(done.out, file.string()));
}

TEST_CASE("what stands in the way of a move is listed, and the exit code says what kind it is") {
    FakeStore store;
    store.answer["outcome"] = "refused";
    store.answer["obstacles"] = {"one thing", "another"};
    auto done = store.run({"move", "--to", "postgres://h/d"});
    CHECK(done.code == 1);
    CHECK(contains(done.out, "- one thing\n  - another\n"));
    store.answer["reachable"] = false;
    CHECK(store.run({"move", "--to", "postgres://h/d"}).code == 3);
    CHECK(store.run({"move"}).code == 2);
    CHECK(std::filesystem::is_empty(store.folder));
}

TEST_CASE("a copy that waits for the daemon to stop says how to go on") {
    FakeStore store;
    store.answer["outcome"] = "copied";
    const auto done = store.run({"move", "--to", "postgres://h/d"});
    CHECK(done.code == 1);
    CHECK(contains(done.out, "run the same command again"));
}

TEST_CASE("a damaged database gives an exit code of its own") {
    FakeStore store;
    store.answer = {{"driver", "sqlite"}, {"file", "/d/millrace.db"}, {"damage", json::array{"page 7 is never used"}}};
    const auto done = store.run({"status", "--check"});
    CHECK(done.code == 1);
    CHECK(contains(done.out, "page 7 is never used"));
}
