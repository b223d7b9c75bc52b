// Help, completion and the manual: all made from the same tree of commands.
#include "unit/cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

using namespace millrace::cli;
using namespace millrace::cli::test;

namespace {

using Path = std::vector<std::string>;

void collect(CLI::App& app, const Path& path, std::vector<Path>& leaves) {
    const auto children = app.get_subcommands([](CLI::App* each) { return !each->get_group().empty(); });
    if (children.empty() && !path.empty()) leaves.push_back(path);
    for (auto* child : children) {
        auto longer = path;
        longer.push_back(child->get_name());
        collect(*child, longer, leaves);
    }
}

std::vector<Path> every_command() {
    std::ostringstream nowhere;
    Context context{nowhere, nowhere};
    CLI::App app;
    build(app, context, [](millrace::config::Loaded) { return 0; });
    std::vector<Path> leaves;
    collect(app, {}, leaves);
    return leaves;
}

std::string typed(const Path& path) {
    std::string text = "millrace";
    for (const auto& word : path) text += ' ' + word;
    return text;
}

} // namespace

TEST_CASE(
    "help of every command goes to standard output, with an example of that very command and what all commands take") {
    const auto commands = every_command();
    CHECK(commands.size() > 40);
    for (auto path : commands) {
        const auto name = typed(path);
        CAPTURE(name);
        path.push_back("--help");
        const auto outcome = command(path);
        CHECK(outcome.code == 0);
        CHECK(outcome.err.empty());
        const auto examples = outcome.out.find("Examples:");
        REQUIRE(examples != std::string::npos);
        CHECK(outcome.out.find(name, examples) != std::string::npos);
        CHECK(contains(outcome.out, "--socket"));
    }
}

TEST_CASE("help of a group names its commands and sends on to their examples") {
    const auto outcome = command({"queue", "--help"});
    CHECK(outcome.code == 0);
    for (const auto* word :
         {"list", "show", "set", "pause", "resume", "`millrace queue SUBCOMMAND --help` has examples."})
        CHECK(contains(outcome.out, word));
    CHECK_FALSE(contains(outcome.out, "Start here"));
    CHECK(contains(command({"--help"}).out, "Start here"));
}

TEST_CASE("completion scripts and the manual know every command and hide what is hidden") {
    const auto manual = command({"man"}).out;
    CHECK(manual.starts_with(".TH MILLRACE 1"));
    for (const auto& path : every_command()) {
        const auto name = typed(path);
        CAPTURE(name);
        CHECK(contains(manual, ".SS " + name + '\n'));
        for (const auto* shell : {"bash", "zsh", "fish"}) CHECK(contains(command({"completion", shell}).out, name));
    }
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        const auto script = command({"completion", shell}).out;
        for (const auto* word : {"idempotency-key", "dry-run", "max-backlog"}) CHECK(contains(script, word));
        CHECK_FALSE(contains(script, "millrace man"));
    }
    CHECK_FALSE(contains(manual, "millrace man"));
}
