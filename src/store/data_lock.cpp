#include "store/data_lock.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace millrace::store {
namespace {

std::string read_pid(int fd) {
    char text[32] = {};
    const auto got = ::pread(fd, text, sizeof text - 1, 0);
    return {text, got > 0 ? std::strcspn(text, "\n") : 0};
}

std::string holder_of(int fd) {
    const auto pid = read_pid(fd);
    return pid.empty() ? "another process" : "process " + pid;
}

} // namespace

Result<DataLock> DataLock::acquire(const std::filesystem::path& data) {
    const auto path = data / "lock";
    Descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file) return Error{Code::unavailable, "cannot open " + path.string() + ": " + std::strerror(errno)};
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return Error{Code::unavailable, "cannot lock " + path.string() + ": " + std::strerror(errno)};
        return Error{Code::conflict, data.string() + " is in use by " + holder_of(file.get()) +
                                         "; stop it or choose another data folder"};
    }
    // For people only; the lock is the flock.
    const auto pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), pid.data(), pid.size(), 0) < 0)
        return Error{Code::storage_full, "cannot write " + path.string() + ": " + std::strerror(errno)};
    return DataLock{std::move(file)};
}

std::optional<pid_t> DataLock::holder(const std::filesystem::path& data) {
    const Descriptor file{::open((data / "lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!file) return std::nullopt;
    const auto text = read_pid(file.get());
    pid_t pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    return pid > 0 ? std::optional{pid} : std::nullopt;
}

} // namespace millrace::store
