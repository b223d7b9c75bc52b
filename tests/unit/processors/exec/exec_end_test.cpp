// How programs end that do not end by themselves.
#include "unit/processors/exec/exec_fixture.hpp"

using namespace millrace;
using namespace millrace::processors;
using namespace millrace::processors::testing;
using Kind = jobs::Failure::Kind;

TEST_CASE("a cancelled program is asked to end, and is gone with its folder when the attempt is over") {
    Fixture f{"echo progress 1; trap 'echo bye > $HOME/bye; exit 0' TERM; sleep 4711.01 & wait"};
    const auto run = f.start();
    REQUIRE(there(f.dispatcher, "4711.01", 2));
    run->cancel();
    run->cancel();
    REQUIRE(f.dispatcher.finish(run));
    CHECK(processes_with("4711.01").empty());
    CHECK(f.scratch.entries() == 0);
}

TEST_CASE("a program that is deaf to the signal is killed after the grace, with all that it started") {
    Fixture f{"trap '' TERM; sleep 4711.02 & (setsid sleep 4711.02 &) ; while :; do sleep 0.1; done", 200ms};
    const auto run = f.start();
    REQUIRE(there(f.dispatcher, "4711.02", 3));
    run->cancel();
    REQUIRE(f.dispatcher.finish(run));
    CHECK(processes_with("4711.02").empty());
}

TEST_CASE("a program that runs longer than its time is ended, and tried again") {
    auto command = shell("it", "echo '{\"half\":1}'; echo waiting >&2; exec sleep 4711.03");
    command.timeout = 1s;
    Fixture f{{command}};
    const auto failure = f.run()->failure();
    CHECK(failure.kind == Kind::retryable);
    CHECK(failure.error.code == "timed_out");
    CHECK(failure.error.message == "it ran longer than its 1 s: waiting");
    CHECK(processes_with("4711.03").empty());
}

TEST_CASE("what a program leaves behind is killed when it ends, wherever it hides") {
    Fixture f{"sleep 4711.04 & setsid sleep 4711.04 & (setsid sh -c 'trap \"\" TERM HUP; sleep 4711.04; sleep 4711.04' "
              ">/dev/null 2>&1 &) ; "
              "while [ $(pgrep -fc '^sleep 4711.04') -lt 3 ]; do :; done; echo 7"};
    const auto run = f.run();
    INFO(run->failure().error.message);
    CHECK(run->result() == "7");
    CHECK(processes_with("4711.04").empty());
}

TEST_CASE("when the daemon goes without a word, its programs go") {
    {
        Fixture f{"trap '' TERM; (setsid sleep 4711.05 &) ; sleep 4711.05"};
        const auto run = f.start();
        REQUIRE(there(f.dispatcher, "4711.05", 3));
    } // nobody waits: the descriptors are closed, as by the kernel
    CHECK(gone("4711.05"));
}

TEST_CASE("when the guard is killed its command goes, and the attempt is tried again") {
    Fixture f{"sleep 4711.06; true"};
    const auto run = f.start();
    REQUIRE(there(f.dispatcher, "4711.06", 3));
    for (const auto pid : processes_with("exec-guard"))
        if (std::ranges::count(processes_with("4711.06"), pid) > 0) ::kill(pid, SIGKILL);
    REQUIRE(f.dispatcher.finish(run));
    CHECK(run->failure().kind == Kind::retryable);
    CHECK(run->failure().error.code == "lost");
    for (const auto pid : processes_with("4711.06"))
        ::kill(pid, SIGKILL); // only a whole guard finds what the command had started
}

TEST_CASE("a program that closes its output and runs on is waited for") {
    Fixture f{"exec >&- 2>&-; sleep 0.2; exit 65"};
    CHECK(f.run()->failure().kind == Kind::permanent);
}

TEST_CASE("of one command as many run at once as it may, in the order of their coming") {
    const ScratchFolder log;
    auto one = shell("one", "echo start >> $LOG; sleep 0.1; echo end >> $LOG; echo 1"),
         other = shell("other", "echo 2");
    one.environment = {"LOG=" + (log.path / "log").string()};
    Fixture f{{one, other}};
    CHECK(f.exec->concurrency() == 2);
    std::vector<Fixture::Run> runs;
    for (int i = 0; i < 4; ++i) runs.push_back(f.start(R"({"command":"one"})"));
    CHECK(f.run(R"({"command":"other"})")->result() == "2");
    CHECK_FALSE(runs[3]->over());
    runs[1]->cancel(); // while it waits
    for (const auto& run : runs) REQUIRE(f.dispatcher.finish(run));
    CHECK_FALSE(runs[1]->succeeded());
    std::ifstream file{log.path / "log"};
    const std::string lines{std::istreambuf_iterator<char>{file}, {}};
    CHECK(lines == "start\nend\nstart\nend\nstart\nend\n");
}

TEST_CASE("an attempt that gets no turn before its deadline is tried again") {
    Fixture f{"exec sleep 4711.07"};
    const auto first = f.start();
    REQUIRE(there(f.dispatcher, "4711.07"));
    const auto second = f.dispatcher.start(*f.exec, R"({"command":"it"})", 1, 1ms);
    REQUIRE(f.dispatcher.finish(second));
    CHECK(second->failure().kind == Kind::retryable);
    CHECK(second->failure().error.code == "timed_out");
    first->cancel();
    CHECK(f.dispatcher.finish(first));
}

TEST_CASE("a cancellation at any moment leaves nothing") {
    Fixture f{"sleep 4711.08 & echo progress 50; wait"};
    for (int turns = 0; turns < 40; ++turns) {
        const auto run = f.start();
        for (int i = 0; i < turns && !run->over(); ++i) f.dispatcher.context.run_one_for(1ms);
        run->cancel();
        REQUIRE(f.dispatcher.finish(run));
        CHECK_FALSE(run->succeeded());
    }
    CHECK(gone("4711.08"));
    CHECK(f.scratch.entries() == 0);
}
