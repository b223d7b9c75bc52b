#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

TEST_CASE("inside the sandbox there is no writing, no network, no new process; computing goes on") {
    const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
    FILE* pipe = ::popen((self + " sandbox-probe").c_str(), "r");
    REQUIRE(pipe);
    std::string told;
    std::array<char, 512> buffer;
    while (std::fgets(buffer.data(), buffer.size(), pipe)) told += buffer.data();
    CHECK(::pclose(pipe) == 0);
    INFO(told);
    for (const auto* attempt :
         {"create-file", "write-null", "tcp-socket", "unix-socket", "fork", "exec", "ptrace", "kill-parent", "unlink"})
        CHECK_MESSAGE(told.find(std::string{attempt} + " denied") != std::string::npos, attempt);
    for (const auto* attempt : {"thread", "memory", "read-cpuinfo"})
        CHECK_MESSAGE(told.find(std::string{attempt} + " allowed") != std::string::npos, attempt);
    if (told.find("landlock") != std::string::npos) CHECK(told.find("read-passwd denied") != std::string::npos);
    else MESSAGE("this kernel has no Landlock: reading files is not restricted here");
    CHECK_FALSE(std::filesystem::exists("millrace-escape"));
}
