#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

namespace {

std::string probe(const std::string& arguments) {
    const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
    FILE* pipe = ::popen((self + " sandbox-probe " + arguments).c_str(), "r");
    REQUIRE(pipe);
    std::string told;
    std::array<char, 512> buffer;
    while (std::fgets(buffer.data(), buffer.size(), pipe)) told += buffer.data();
    CHECK(::pclose(pipe) == 0);
    return told;
}

void check(const std::string& told, std::initializer_list<const char*> attempts, const char* answer) {
    for (const auto* attempt : attempts)
        CHECK_MESSAGE(told.find(std::string{attempt} + " " + answer) != std::string::npos, attempt);
}

constexpr auto always_denied = {"create-file", "write-null",  "tcp-socket", "unix-socket", "fork",  "exec",
                                "ptrace",      "kill-parent", "pin-parent", "raise-limit", "unlink"};

} // namespace

TEST_CASE("inside the sandbox there is no writing, no network, no new process; computing goes on") {
    const auto told = probe("");
    INFO(told);
    check(told, always_denied, "denied");
    check(told, {"thread", "memory"}, "allowed");
    check(told, {"read-passwd"}, "denied");
    if (told.find("landlock") != std::string::npos) check(told, {"read-cpuinfo"}, "allowed");
    CHECK_FALSE(std::filesystem::exists("millrace-escape"));
}

TEST_CASE("where the kernel has no Landlock, no file can be opened at all") {
    const auto told = probe("no-landlock");
    INFO(told);
    CHECK(told.find("seccomp without files") != std::string::npos);
    check(told, always_denied, "denied");
    check(told, {"read-passwd", "read-cpuinfo"}, "denied");
    check(told, {"thread", "memory"}, "allowed");
}

TEST_CASE("a worker that uses a GPU may use its devices, and nothing else more") {
    const auto told = probe("gpu");
    INFO(told);
    check(told, always_denied, "denied"); // /dev/null is no GPU
    check(told, {"thread", "memory"}, "allowed");
    if (told.find("landlock") != std::string::npos) check(told, {"read-passwd"}, "denied");
}
