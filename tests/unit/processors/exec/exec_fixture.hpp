// The exec processor with real programs, in a scratch folder of the test's own.
#pragma once
#include "base/json.hpp"
#include "processors/exec/exec.hpp"
#include "unit/processors/fake_dispatcher.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include <unistd.h>

namespace millrace::processors::testing {

namespace fs = std::filesystem;

struct ScratchFolder {
    fs::path path;
    ScratchFolder() {
        std::string pattern = (fs::temp_directory_path() / "millrace-exec-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~ScratchFolder() { fs::remove_all(path); }
    std::size_t entries() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator{path}, {})); }
};

inline ExecCommand shell(const std::string& name, const std::string& script) {
    ExecCommand command;
    command.name = name;
    command.command = {"/bin/sh", "-c", script};
    return command;
}

struct Fixture {
    ScratchFolder scratch;
    async::ThreadPool work{"work", 1, 16};
    std::unique_ptr<Exec> exec;
    FakeDispatcher dispatcher;
    using Run = std::shared_ptr<FakeDispatcher::Run>;

    ~Fixture() { work.close(); } // its thread still lets go of the dispatcher's executor

    explicit Fixture(std::vector<ExecCommand> commands, std::chrono::milliseconds grace = 60s) {
        ExecOptions options;
        options.commands = std::move(commands);
        options.scratch = scratch.path;
        options.grace = grace;
        exec = std::make_unique<Exec>(std::move(options), work);
        fs::create_directories(scratch.path); // the processor has removed it
    }
    Fixture(const std::string& script, std::chrono::milliseconds grace = 60s) : Fixture{{shell("it", script)}, grace} {}

    Run start(const std::string& payload = R"({"command":"it"})", int number = 1) {
        return dispatcher.start(*exec, payload, number);
    }
    Run run(const std::string& payload = R"({"command":"it"})", int number = 1) {
        auto run = start(payload, number);
        REQUIRE(dispatcher.finish(run));
        return run;
    }
};

// Processes whose arguments contain the text.
inline std::vector<pid_t> processes_with(std::string_view text) {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (fs::directory_iterator each{"/proc", ignored}, end; each != end; each.increment(ignored)) {
        const auto name = each->path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file{each->path() / "cmdline", std::ios::binary};
        const std::string line{std::istreambuf_iterator<char>{file}, {}};
        if (line.find(text) != std::string::npos) found.push_back(std::atoi(name.c_str()));
    }
    return found;
}

inline bool gone(std::string_view text) {
    for (int i = 0; i < 3000 && !processes_with(text).empty(); ++i) std::this_thread::sleep_for(10ms);
    return processes_with(text).empty();
}

inline bool there(FakeDispatcher& dispatcher, std::string_view text, std::size_t count = 1) {
    return dispatcher.until([&] { return processes_with(text).size() >= count; });
}

} // namespace millrace::processors::testing
