#include "config/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace millrace;
using namespace millrace::config;
namespace fs = std::filesystem;

namespace {

struct File {
    fs::path path;
    explicit File(const std::string& text) {
        std::string pattern = (fs::temp_directory_path() / "millrace-exec-XXXXXX").string();
        const int fd = ::mkstemp(pattern.data());
        REQUIRE(fd >= 0);
        ::close(fd);
        path = pattern;
        std::ofstream{path} << text;
    }
    ~File() { fs::remove(path); }
};

Result<Loaded> read(const std::string& text) {
    const File file{text};
    return load(Sources{.flags = {}, .environment = {}, .file = file.path, .executable = {}});
}

// What follows the file's name.
std::string refused(const std::string& text) {
    const auto loaded = read(text);
    REQUIRE_FALSE(loaded.has_value());
    const auto& detail = loaded.error().detail;
    return detail.substr(detail.find(':') + 1);
}

std::string text_of(const Config& config, const std::string& key) {
    for (const auto& setting : settings(config))
        if (setting.key == key) return setting.text;
    return "(absent)";
}

} // namespace

TEST_CASE("a section exec.NAME is a command with defaults for what it leaves out") {
    const auto loaded = read("[exec]\ngrace_seconds = 2\n"
                             "[exec.resize]\ncommand = [\"/bin/sh\", \"-c\", 'echo \"$1\"', \"a b\",]\nenvironment = "
                             "[\"TOKEN=se=cret\", \"EMPTY=\"]\n"
                             "timeout_seconds = 10\nmemory_bytes = \"64 MiB\"\nmax_output_bytes = 1000\nconcurrency = "
                             "3\norganizations = [\"north\", \"*\"]\n"
                             "[exec.a_plain-1]\ncommand = ['/bin/true'] # comment\n");
    REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().detail));
    const auto& exec = loaded->config.exec;
    CHECK(exec.grace_seconds == 2);
    REQUIRE(exec.commands.size() == 2);
    CHECK(exec.commands[0] == ExecCommand{"a_plain-1", {"/bin/true"}, {}, 3600, 1 << 30, 1 << 20, 1, {"default"}});
    CHECK(exec.commands[1] == ExecCommand{"resize",
                                          {"/bin/sh", "-c", "echo \"$1\"", "a b"},
                                          {"TOKEN=se=cret", "EMPTY="},
                                          10,
                                          64 << 20,
                                          1000,
                                          3,
                                          {"north", "*"}});
    CHECK(loaded->origins.at("exec.resize.concurrency").ends_with(":9"));
    CHECK(loaded->origins.at("exec.a_plain-1.concurrency") == "default");
    CHECK(loaded->warnings.empty());
}

TEST_CASE("commands are shown as they are written, without the values of their environment") {
    const auto loaded = read("[exec.x]\ncommand = [\"/bin/echo\", \"a\\\"b\\\\\"]\nenvironment = [\"TOKEN=secret\"]\n");
    REQUIRE(loaded.has_value());
    CHECK(text_of(loaded->config, "exec.x.command") == R"(["/bin/echo", "a\"b\\"])");
    CHECK(text_of(loaded->config, "exec.x.environment") == R"x(["TOKEN=(hidden)"])x");
    CHECK(text_of(loaded->config, "exec.x.memory_bytes") == "1073741824");
    for (const auto& setting : settings(loaded->config)) CHECK(loaded->origins.contains(setting.key));
}

TEST_CASE("a command that cannot be right is refused with its line") {
    CHECK(refused("[exec.x]\ncommand = [\"bin/true\"]\n")
              .find("2: exec.x.command must be a list of strings that begins with an absolute path") == 0);
    CHECK(refused("[exec.x]\ncommand = \"/bin/true\"\n").find("2: exec.x.command must be a list") == 0);
    CHECK(refused("[exec.x]\ncommand = []\n").find("2: exec.x.command must be a list") == 0);
    CHECK(refused("[exec.x]\n\nconcurrency = 2\n").find("3: [exec.x] has no command") == 0);
    CHECK(refused("[exec.x]\ncommand = [\"/bin/true\"]\nshell = true\n")
              .find("3: a command has no setting \"shell\"; it has command, environment,") == 0);
    CHECK(refused("[exec.X]\ncommand = [\"/bin/true\"]\n").find("2: [exec.X]: a command's name has") == 0);
    CHECK(refused("[exec.a.b]\ncommand = [\"/bin/true\"]\n").find("2: [exec.a.b]: a command's name has") == 0);
    CHECK(refused("[exec.x]\nconcurrency = 0\n").find("2: exec.x.concurrency must be a whole number from 1 to 1000") ==
          0);
    CHECK(refused("[exec.x]\nconcurrency = [\"1\"]\n").find("2: exec.x.concurrency must be a whole number") == 0);
    CHECK(refused("[exec.x]\nmemory_bytes = 1000\n").find("2: exec.x.memory_bytes must be 0 or at least 16 MiB") == 0);
    CHECK(refused("[exec.x]\ncommand = [\"/bin/true\"]\ncommand = [\"/bin/false\"]\n").find("line 3") !=
          std::string::npos);
    CHECK(refused("[exec]\ncommand = [\"/bin/true\"]\n").find("2: there is no setting \"exec.command\"") == 0);
    for (const auto* bad : {"\"=x\"", "\"KEY\"", "\"1A=x\"", "\"A B=x\"", "\"MILLRACE_JOB_ID=x\"", "\"A=1\", \"A=2\""})
        CHECK(refused(std::string{"[exec.x]\nenvironment = ["} + bad + "]\n")
                  .find("2: exec.x.environment must be a list of variables") == 0);
}

TEST_CASE("a list is refused where one value belongs, and a command is set in the file alone") {
    CHECK(refused("[http]\nlisten = [\"127.0.0.1:1\"]\n").find("2: http.listen takes address, not a list") == 0);
    Sources flags;
    flags.flags = {{"exec.x.command", "/bin/true"}};
    CHECK_FALSE(load(flags).has_value());
}

TEST_CASE("a program that is not there is a warning") {
    const auto loaded = read("[exec.x]\ncommand = [\"/nonexistent/program\"]\n");
    REQUIRE(loaded.has_value());
    REQUIRE(loaded->warnings.size() == 1);
    CHECK(loaded->warnings[0].find("/nonexistent/program") != std::string::npos);
}

TEST_CASE("a reload tells of new, changed and removed commands, and shows no secret") {
    const auto before =
        read("[exec.a]\ncommand = [\"/bin/true\"]\nenvironment = [\"T=one\"]\n[exec.b]\ncommand = [\"/bin/true\"]\n");
    const auto after = read("[exec.a]\ncommand = [\"/bin/true\"]\nenvironment = [\"T=two\"]\nconcurrency = "
                            "2\n[exec.c]\ncommand = [\"/bin/true\"]\n");
    REQUIRE(before.has_value());
    REQUIRE(after.has_value());
    const auto changes = differences(before->config, after->config);
    std::vector<std::string> keys;
    for (const auto& change : changes) {
        keys.push_back(change.key);
        CHECK((change.from + change.to).find("two") == std::string::npos);
        CHECK(change.needs_restart);
    }
    CHECK(keys == std::vector<std::string>{"exec.a.environment", "exec.a.concurrency", "exec.c", "exec.b"});
    CHECK(differences(after->config, after->config).empty());
}
