// Kind `exec`: {"command":"NAME","input":…} runs a program that the administrator has listed in the configuration. The
// input reaches it as JSON on its standard input; what it writes to its standard output is progress, then the result.
// Never a shell: the payload chooses a name and nothing else of what is executed. A command serves the organisations
// that its section names; to others it is not there. docs/processors.md has the contract with the program.
#pragma once
#include "async/thread_pool.hpp"
#include "jobs/processor.hpp"
#include "processors/exec/seats.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::processors {

struct ExecCommand {
    std::string name;
    std::vector<std::string> command;       // the program's absolute path, then its arguments
    std::vector<std::string> environment;   // KEY=value, beside and before what every command gets
    std::chrono::seconds timeout{3600};     // of one attempt
    std::uint64_t memory_bytes = 0;         // address space of each process; 0: no limit
    std::size_t max_output_bytes = 1 << 20; // of the result
    std::size_t concurrency = 1;
    std::optional<std::set<OrganizationId>> organizations{}; // that it serves; nullopt: all
};

struct ExecOptions {
    std::vector<ExecCommand> commands;
    std::filesystem::path scratch;         // where each attempt gets an empty folder; only this class uses it
    std::chrono::milliseconds grace{5000}; // between asking a program to end and killing it
    std::filesystem::path executable = "/proc/self/exe"; // started as: EXECUTABLE exec-guard … (guard.hpp)
};

class Exec final : public jobs::Processor {
public:
    // Removes what an earlier daemon left in the scratch folder.
    // Borrows `work`, which reads the results: they may be large.
    Exec(ExecOptions options, async::ThreadPool& work);

    std::string_view kind() const override { return "exec"; }
    // The sum of the commands'. Each command keeps its own limit by having attempts wait for one of its seats.
    std::size_t concurrency() const override;
    Result<void> check(OrganizationId organization, const boost::json::value& payload) const override;
    awaitable<jobs::Outcome> run(jobs::Attempt attempt) override;

private:
    struct Listed {
        ExecCommand command;
        Seats seats;
        explicit Listed(ExecCommand listed) : command{std::move(listed)}, seats{command.concurrency} {}
    };
    Result<void> known(const OrganizationId& organization, const std::string& name) const;
    awaitable<jobs::Outcome> run_program(const ExecCommand& command, jobs::Attempt attempt, std::string input) const;

    const ExecOptions options_;
    async::ThreadPool& work_;
    std::map<std::string, Listed, std::less<>> commands_; // the seats are used on the dispatcher's thread alone
};

} // namespace millrace::processors
