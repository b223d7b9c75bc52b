#include "inference/worker/sandbox.hpp"

#include "inference/worker/landlock.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <memory>

namespace millrace::inference::worker {
namespace {

void limit(__rlimit_resource resource, rlim_t value) {
    rlimit current{};
    if (::getrlimit(resource, &current) != 0) return;
    const rlim_t bound = std::min(value, current.rlim_max);
    const rlimit wanted{bound, bound};
    ::setrlimit(resource, &wanted);
}

// What computing needs. Anything else fails with EPERM: a library that tries and can do without goes on.
constexpr const char* allowed[] = {
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "close",
    "lseek",
    "fstat",
    "newfstatat",
    "statx",
    "stat",
    "lstat",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents64",
    "getcwd",
    "fadvise64",
    "recvmsg",
    "sendmsg",
    "poll",
    "ppoll",
    "dup",
    "memfd_create",
    "ftruncate",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mincore",
    "msync",
    "brk",
    "mlock",
    "munlock",
    "mbind",
    "get_mempolicy",
    "set_mempolicy",
    "membarrier",
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "sysinfo",
    "uname",
    "getrandom",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "restart_syscall",
    "exit",
    "exit_group",
    "arch_prctl",
};

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};

int add_rules(scmp_filter_ctx filter) {
    int failure = 0;
    const auto rule = [&](std::uint32_t action, const char* name, auto... conditions) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR)
            return; // a call that this libseccomp does not know cannot be needed by what we run
        if constexpr (sizeof...(conditions) == 0) {
            if (const int code = seccomp_rule_add(filter, action, number, 0); code != 0 && failure == 0) failure = code;
        } else {
            if (const int code = seccomp_rule_add(filter, action, number, sizeof...(conditions), conditions...);
                code != 0 && failure == 0)
                failure = code;
        }
    };
    for (const char* name : allowed) rule(SCMP_ACT_ALLOW, name);
    // Files: for reading only.
    constexpr auto changing = static_cast<scmp_datum_t>(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND);
    rule(SCMP_ACT_ALLOW, "openat", SCMP_A2_64(SCMP_CMP_MASKED_EQ, changing, 0));
    rule(SCMP_ACT_ALLOW, "open", SCMP_A1_64(SCMP_CMP_MASKED_EQ, changing, 0));
    // Threads, but no processes. clone3 hides its flags from a filter: "no such call" makes the C library use clone.
    rule(SCMP_ACT_ALLOW, "clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
    rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
    // Its own limits may be read, not raised; signals go to its own threads only.
    rule(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2_64(SCMP_CMP_EQ, 0));
    rule(SCMP_ACT_ALLOW, "getrlimit");
    rule(SCMP_ACT_ALLOW, "tgkill", SCMP_A0_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
    for (const auto operation : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, 0x53564d41 /* PR_SET_VMA */})
        rule(SCMP_ACT_ALLOW, "prctl", SCMP_A0_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(operation)));
    for (const auto operation : {F_GETFD, F_SETFD, F_GETFL, F_ADD_SEALS, F_GET_SEALS, F_DUPFD_CLOEXEC})
        rule(SCMP_ACT_ALLOW, "fcntl", SCMP_A1_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(operation)));
    return failure;
}

Result<void> load_filter() {
    const std::unique_ptr<void, Release> filter{seccomp_init(SCMP_ACT_ERRNO(EPERM))};
    if (!filter) return Error{Code::unavailable, "seccomp: no filter could be made"};
    int code = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); // the threads that libraries have started, too
    if (code == 0) code = add_rules(filter.get());
    if (code == 0) code = seccomp_load(filter.get());
    if (code != 0) return Error{Code::unavailable, fmt::format("seccomp: {}", ::strerror(-code))};
    return success();
}

} // namespace

Result<void> restrict_early([[maybe_unused]] const SandboxOptions& options, int parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent > 0 && ::getppid() != parent) return Error{Code::unavailable, "the daemon has ended"};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return Error{Code::unavailable, "no_new_privs is refused by the kernel"};
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 2048); // a frame may carry 200, and several are under way
    limit(RLIMIT_FSIZE, rlim_t{1} << 30); // large answers travel as memory files
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // their shadow memory counts as data
    if (options.memory_limit > 0) limit(RLIMIT_DATA, options.memory_limit);
#endif
    // Loading needs the libraries wherever they lie; the exact list follows when they are there.
    if (landlock_version() > 0 && !landlock_read_only({"/"}))
        return Error{Code::unavailable, "landlock is there, but refuses its rules"};
    return success();
}

Result<std::string> restrict_fully(const SandboxOptions& options) {
    std::string summary = "no_new_privs";
    if (const int version = landlock_version(); version > 0) {
        std::error_code ignored;
        const auto module = std::filesystem::weakly_canonical(options.runtime, ignored).parent_path();
        if (!landlock_read_only({module, "/usr/lib", "/lib", "/lib64", "/proc/self", "/proc/cpuinfo", "/proc/meminfo",
                                 "/sys/devices/system", "/dev/null", "/dev/urandom"}))
            return Error{Code::unavailable, "landlock is there, but refuses its rules"};
        summary += fmt::format(", landlock {}", version);
    }
    // The daemon can still trace and dump this process as root; nobody else can.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (auto loaded = load_filter(); !loaded) return loaded.error();
    return summary + ", seccomp";
}

} // namespace millrace::inference::worker
