#include "store/move/daemon_stop.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

namespace millrace::store {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

// Whether the process is `millrace serve`: the number in a lock's file may be of one that has ended long ago.
bool is_daemon(pid_t pid) {
    std::ifstream file{fmt::format("/proc/{}/cmdline", pid), std::ios::binary};
    const std::string line{std::istreambuf_iterator<char>{file}, {}};
    const auto name = line.find('\0');
    return name != std::string::npos && line.compare(name + 1, 6, std::string{"serve\0", 6}) == 0;
}

} // namespace

Result<DataLock> stop_daemon(const std::filesystem::path& data, std::chrono::milliseconds patience) {
    pid_t told = 0;
    for (const auto until = SteadyClock::now() + patience;;) {
        auto lock = DataLock::acquire(data);
        if (lock || lock.error().code != Code::conflict) return lock;
        const auto pid = DataLock::holder(data);
        if (!pid || !is_daemon(*pid)) return lock.error();
        // Again for one that a service manager has started in its place.
        if (*pid != told && ::kill(*pid, SIGTERM) != 0 && errno != ESRCH)
            return Error{Code::forbidden, fmt::format("the daemon, process {}, cannot be stopped: {}; run this as its "
                                                      "user or as root",
                                                      *pid, std::strerror(errno))};
        told = *pid;
        if (SteadyClock::now() > until)
            return Error{Code::timed_out, fmt::format("the daemon, process {}, does not stop; look at its log", *pid)};
        std::this_thread::sleep_for(10ms);
    }
}

} // namespace millrace::store
