// What a program gets, what becomes of what it gives, and what of the job when it fails.
#include "unit/processors/exec/exec_fixture.hpp"

using namespace millrace;
using namespace millrace::processors;
using namespace millrace::processors::testing;
using Kind = jobs::Failure::Kind;

TEST_CASE("the input arrives as JSON on standard input, and JSON on standard output is the result") {
    Fixture f{"exec cat"};
    const std::string hostile = R"x({"a":[1,"$(id) `id` ; rm -rf / \n"]})x";
    CHECK(f.run(R"({"command":"it","input":)" + hostile + "}")->result() == hostile);
    CHECK(f.run(R"({"command":"it"})")->result() == "null");
    CHECK(f.run(R"({"command":"it","input":"--help"})")->result() == "\"--help\"");
}

TEST_CASE("an input of megabytes arrives whole, also when the program does not read it") {
    const std::string text(5'000'000, 'x');
    const auto payload = R"({"command":"it","input":")" + text + R"("})";
    CHECK(Fixture{"wc -c"}.run(payload)->result() == "5000002");
    CHECK(Fixture{"echo 1"}.run(payload)->result() == "1");
}

TEST_CASE("progress moves while the program runs") {
    const ScratchFolder elsewhere;
    auto command = shell(
        "it",
        R"(echo progress 10; echo '{"progress_percent":20}'; while [ ! -e "$GO" ]; do sleep 0.01; done; echo '"done"')");
    command.environment = {"GO=" + (elsewhere.path / "go").string()};
    Fixture f{{command}};
    const auto run = f.start();
    REQUIRE(f.dispatcher.until([&] { return !run->progress.empty() && run->progress.back() == 20; }));
    CHECK_FALSE(run->over());
    std::ofstream{elsewhere.path / "go"} << 1;
    REQUIRE(f.dispatcher.finish(run));
    CHECK(run->result() == "\"done\"");
}

TEST_CASE("a program has the environment that it was promised, and nothing of the daemon's") {
    ::setenv("MILLRACE_TEST_SECRET", "secret", 1);
    auto command = shell("it", "exec env");
    command.command = {"/usr/bin/env"};
    command.environment = {"TOKEN=a=b", "LANG=de_DE.UTF-8"};
    Fixture f{{command}};
    const auto run = f.run(R"({"command":"it"})", 3);
    const auto parsed = parse_json(run->result());
    REQUIRE(parsed.has_value());
    std::istringstream lines{std::string{parsed->at("stdout").as_string()}};
    std::map<std::string, std::string> seen;
    for (std::string line; std::getline(lines, line);)
        seen[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    const auto id = f.dispatcher.last_job.text();
    CHECK(seen.at("HOME").starts_with(f.scratch.path.string() + "/"));
    const auto home = seen.at("HOME");
    CHECK(seen == std::map<std::string, std::string>{{"TOKEN", "a=b"},
                                                     {"LANG", "de_DE.UTF-8"},
                                                     {"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                                     {"HOME", home},
                                                     {"TMPDIR", home},
                                                     {"MILLRACE_JOB_ID", id},
                                                     {"MILLRACE_ATTEMPT", "3"},
                                                     {"MILLRACE_IDEMPOTENCY_KEY", id}});
}

TEST_CASE("a program works in an empty folder of its own, which is removed with all that is in it") {
    Fixture f{R"sh(test "$(pwd -P)" = "$(readlink -f "$HOME")" || exit 1; test -z "$(ls -A)" || exit 2
                 mkdir -p a/b; echo x > a/b/c; ln -s / root; chmod 000 a; stat -c %a . )sh"};
    const auto run = f.run();
    INFO(run->failure().error.message);
    CHECK(run->result() == "700");
    CHECK(f.scratch.entries() == 0);
    CHECK(fs::exists("/bin/sh"));
}

TEST_CASE("what an earlier daemon left in the scratch folder is removed") {
    ScratchFolder scratch;
    fs::create_directories(scratch.path / "old/deep");
    async::ThreadPool work{"work", 1, 16};
    const Exec exec{{{}, scratch.path, 1s}, work};
    CHECK_FALSE(fs::exists(scratch.path / "old"));
    fs::create_directories(scratch.path);
}

TEST_CASE("a program runs under its limits, with no privilege to gain and no descriptor but its own") {
    auto command =
        shell("it", R"sh(ulimit -v; ulimit -n; ulimit -c; grep NoNewPrivs /proc/self/status | tr -d '\t'; umask
                                   ls /proc/self/fd | tr '\n' ' '; ps -o pgid= -o sid= -p $$ | awk -v p=$$ '{print ($1 == p), ($2 == p)}')sh");
    command.memory_bytes = 256 << 20;
    Fixture f{{command}};
    const int leaked = ::dup(1); // without FD_CLOEXEC
    const auto run = f.run();
    ::close(leaked);
    CHECK(run->result() ==
          R"({"stdout":"262144\n1024\n0\nNoNewPrivs:1\n0077\n0 1 2 3 1 1\n"})"); // 3 is the folder that ls reads
}

TEST_CASE("a program that wants more memory than it may have fails by itself") {
    auto command = shell("it", "");
    command.command = {"/usr/bin/python3", "-c", "x = bytearray(1 << 30)"};
    command.memory_bytes = 256 << 20;
    Fixture f{{command}};
    const auto failure = f.run()->failure();
    CHECK(failure.kind == Kind::retryable);
    CHECK(failure.error.code == "exit_1");
    CHECK(failure.error.message.ends_with("MemoryError"));
}

TEST_CASE("the exit status decides whether it is tried again") {
    struct Case {
        const char* script;
        Kind kind;
        const char* code;
        const char* message;
    };
    for (const auto& [script, kind, code, message] : {
             Case{"echo oops >&2; exit 1", Kind::retryable, "exit_1", "it ended with exit status 1: oops"},
             Case{"exit 75", Kind::retryable, "temporary_failure", "it ended with exit status 75"},
             Case{"echo 'no such width' >&2; exit 65", Kind::permanent, "bad_input",
                  "it ended with exit status 65: no such width"},
             Case{"exit 64", Kind::permanent, "bad_input", "it ended with exit status 64"},
             Case{"kill -9 $$", Kind::retryable, "signal_9", "it was killed by signal 9 (out of memory?)"},
             Case{"echo 1; kill -SEGV $$", Kind::retryable, "signal_11", "it was killed by signal 11 (SEGV)"},
         }) {
        CAPTURE(script);
        const auto failure = Fixture{script}.run()->failure();
        CHECK(failure.kind == kind);
        CHECK(failure.error.code == code);
        CHECK(failure.error.message == message);
    }
}

TEST_CASE("a program that cannot be started says why, and is tried again") {
    ExecCommand absent, folder;
    absent.name = "absent";
    absent.command = {"/nonexistent/program", "x"};
    folder.name = "folder";
    folder.command = {"/"};
    Fixture f{{absent, folder}};
    auto failure = f.run(R"({"command":"absent"})")->failure();
    CHECK(failure.kind == Kind::retryable);
    CHECK(failure.error.code == "not_started");
    CHECK(failure.error.message == "/nonexistent/program cannot be started: No such file or directory");
    failure = f.run(R"({"command":"folder"})")->failure();
    CHECK(failure.error.message == "/ cannot be started: Permission denied");
    CHECK(f.scratch.entries() == 0);
}

TEST_CASE("too much output ends the program, and is not tried again") {
    auto command =
        shell("it", "trap 'echo stopped >&2; exit 0' TERM; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
    command.max_output_bytes = 100'000;
    Fixture f{{command}};
    const auto failure = f.run()->failure();
    CHECK(failure.kind == Kind::permanent);
    CHECK(failure.error.code == "output_too_large");
    CHECK(failure.error.message == "it wrote more than its 100000 bytes: stopped");
}

TEST_CASE("of much standard error the end is in the message") {
    Fixture f{"seq 1 100000 >&2; exit 3"};
    const auto message = f.run()->failure().error.message;
    CHECK(message.ends_with("99999\n100000"));
    CHECK(message.size() < 4200);
}

TEST_CASE("the payload chooses a configured name, and nothing else of what is executed") {
    Fixture f{{shell("one", "echo 1"), shell("two", "echo 2")}};
    const auto refused = [&](const char* payload) {
        const auto checked = f.exec->check({}, json::parse(payload));
        return checked ? std::string{"accepted"} : checked.error().detail;
    };
    CHECK(refused(R"({"command":"one","input":[]})") == "accepted");
    CHECK(refused(R"({"command":"three"})") == "there is no command \"three\"; configured are one, two");
    for (const auto* payload :
         {R"({"command":"/bin/sh"})", R"({"command":"one; id"})", R"({"command":"../one"})", R"({"command":"ONE"})",
          R"({"command":""})", R"({"command":["/bin/sh","-c","id"]})", R"({"command":null})", R"({"input":1})", R"([])",
          R"("one")", R"({"command":"one","args":["x"]})", R"({"command":"one","environment":["LD_PRELOAD=x"]})"}) {
        CAPTURE(payload);
        CHECK(refused(payload) != "accepted");
        CHECK(f.run(payload)->failure().kind == Kind::permanent); // accepted by an earlier configuration
    }
    Fixture none{std::vector<ExecCommand>{}};
    CHECK(none.exec->check({}, json::parse(R"({"command":"one"})"))
              .error()
              .detail.find("no commands are configured here") == 0);
    CHECK(none.exec->concurrency() == 1);
}
