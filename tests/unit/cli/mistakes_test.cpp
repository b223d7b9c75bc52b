#include "unit/cli/command_line.hpp"

#include <doctest/doctest.h>

using namespace millrace::cli;
using namespace millrace::cli::test;

TEST_CASE("a mistyped command or option is answered with the nearest") {
    const std::vector<std::pair<std::vector<std::string>, std::string>> meant{
        {{"jbo", "list"}, "did you mean millrace job?"},
        {{"job", "lst"}, "did you mean millrace job list?"},
        {{"jobs"}, "did you mean millrace job?"},
        {{"--jsno", "status"}, "did you mean --json?"},
        {{"job", "list", "--stat", "dead"}, "did you mean --state?"},
        {{"job", "submit", "--kind", "lst", "--knd", "echo"}, "no option \"--knd\""},
        {{"job", "submit", "--payload={}", "--tagg=a=b"}, "did you mean --tag?"},
    };
    for (const auto& [words, hint] : meant) {
        const auto outcome = command(words);
        CAPTURE(outcome.err);
        CHECK(outcome.code == 2);
        CHECK(contains(outcome.err, hint));
    }
}

TEST_CASE("where nothing is near, the commands that there are are listed") {
    const auto outcome = command({"queue", "explode"});
    CHECK(contains(outcome.err, "there is no command \"millrace queue explode\"; there are "));
    CHECK(contains(outcome.err, "pause"));
    CHECK(contains(outcome.err, "see: millrace queue --help"));
}

TEST_CASE("a value that looks like a command is no mistake") {
    const auto outcome = command({"--data", "jbo", "job", "list", "--state", "lost"});
    CHECK_FALSE(contains(outcome.err, "there is no command"));
    CHECK(contains(outcome.err, "--state"));
}

TEST_CASE("help before a command is its --help") {
    CHECK(command({"help", "job", "list"}).out == command({"job", "list", "--help"}).out);
    CHECK(command({"help"}).out == command({"--help"}).out);
    CHECK(command({"help", "job", "list"}).code == 0);
}
