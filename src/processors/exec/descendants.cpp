#include "processors/exec/descendants.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>

namespace millrace::processors {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 5s;

// From /proc/PID/stat: "PID (name) state parent …", where the name may hold anything, also parentheses.
pid_t parent_of(const char* pid) {
    const int file = ::open((std::string{"/proc/"} + pid + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[512];
    const auto size = ::read(file, text, sizeof text - 1);
    ::close(file);
    if (size <= 0) return 0;
    text[size] = '\0';
    const char* name_end = std::strrchr(text, ')');
    return name_end && std::strlen(name_end) > 4 ? static_cast<pid_t>(std::strtol(name_end + 4, nullptr, 10)) : 0;
}

std::multimap<pid_t, pid_t> children_by_parent() {
    std::multimap<pid_t, pid_t> all;
    DIR* folder = ::opendir("/proc");
    if (!folder) return all;
    while (const dirent* entry = ::readdir(folder))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            if (const pid_t parent = parent_of(entry->d_name)) all.emplace(parent, std::atoi(entry->d_name));
    ::closedir(folder);
    return all;
}

// All below `parent` at once: killed one generation after the other, they could breed meanwhile.
void kill_below(const std::multimap<pid_t, pid_t>& children, pid_t parent, int depth = 0) {
    const auto [from, to] = children.equal_range(parent);
    for (auto each = from; each != to && depth < 1000; ++each) {
        ::kill(each->second, SIGKILL);
        kill_below(children, each->second, depth + 1);
    }
}

} // namespace

void kill_descendants() {
    for (const auto until = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < until;) {
        pid_t ended = 0;
        while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {}
        if (ended < 0 && errno == ECHILD) return;
        kill_below(children_by_parent(), ::getpid());
        std::this_thread::sleep_for(2ms);
    }
}

} // namespace millrace::processors
