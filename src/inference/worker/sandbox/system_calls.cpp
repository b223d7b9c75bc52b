#include "inference/worker/sandbox/system_calls.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace millrace::inference::worker {
namespace {

// What computing needs. Anything else fails with EPERM: a library that tries and can do without goes on.
constexpr const char* allowed[] = {
    // bytes and memory
    "read",
    "readv",
    "pread64",
    "preadv",
    "write",
    "writev",
    "close",
    "lseek",
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
    // looking at files
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
    // threads
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getcpu",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "arch_prctl",
    "exit",
    "exit_group",
    // who and when
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "getrusage",
    "getrlimit",
    "sysinfo",
    "uname",
    "getrandom",
    // signals of its own
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "restart_syscall",
};

// What a GPU's driver needs beside that.
constexpr const char* for_gpu[] = {"ioctl",       "pipe2", "eventfd2", "epoll_create1", "epoll_ctl", "epoll_wait",
                                   "epoll_pwait", "flock", "statfs",   "fstatfs",       "mlock2"};

// No library that we run makes these calls. Who does wants out, and somebody should read of it.
constexpr const char* told[] = {
    // the network and other processes' ends
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendto",
    "sendmmsg",
    // other programs and processes
    "fork",
    "vfork",
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kill",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "kcmp",
    // changing files
    "creat",
    "openat2",
    "open_by_handle_at",
    "truncate",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "setxattr",
    "utimensat",
    // more rights than it has
    "setrlimit",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "capset",
    "unshare",
    "setns",
    "chroot",
    "pivot_root",
    "mount",
    "umount2",
    "move_mount",
    "fsopen",
    "open_tree",
    // the kernel's wide doors
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "add_key",
    "request_key",
    "keyctl",
    "init_module",
    "finit_module",
    "kexec_load",
    "reboot",
    "shmget",
    "shmat",
    "msgget",
    "semget",
    "mq_open",
};

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};
using Filter = std::unique_ptr<void, Release>;

class Rules {
public:
    Rules(scmp_filter_ctx filter, std::uint32_t refused) : filter_{filter}, refused_{refused} {}

    int add(const FilterOptions& options) {
        for (const char* name : allowed) allow(name);
        if (options.gpu)
            for (const char* name : for_gpu) allow(name);
        for (const char* name : told) refuse(name);
        add_files(options);
        // Threads, but no processes. clone3 hides its flags from a filter: "no such call" makes the C library use
        // clone.
        allow("clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM));
        refuse("clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
        rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
        // Its own limits may be read, not raised; signals and processors are for its own threads only.
        const auto self = static_cast<scmp_datum_t>(::getpid());
        allow("prlimit64", SCMP_A2_64(SCMP_CMP_EQ, 0));
        refuse("prlimit64", SCMP_A2_64(SCMP_CMP_NE, 0));
        allow("tgkill", SCMP_A0_64(SCMP_CMP_EQ, self));
        refuse("tgkill", SCMP_A0_64(SCMP_CMP_NE, self));
        allow("sched_setaffinity", SCMP_A0_64(SCMP_CMP_EQ, 0));
        for (const auto operation : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, 0x53564d41 /* PR_SET_VMA */})
            allow("prctl", SCMP_A0_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(operation)));
        for (const auto operation : {F_GETFD, F_SETFD, F_GETFL, F_ADD_SEALS, F_GET_SEALS, F_DUPFD_CLOEXEC})
            allow("fcntl", SCMP_A1_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(operation)));
        if (options.gpu) allow("fcntl", SCMP_A1_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(F_SETFL)));
        return failure_;
    }

private:
    // For reading only, if at all.
    void add_files(const FilterOptions& options) {
        auto changing = static_cast<scmp_datum_t>(O_CREAT | O_TRUNC | O_APPEND);
        if (!options.gpu) changing |= static_cast<scmp_datum_t>(O_ACCMODE);
        if (!options.files) {
            refuse("openat");
            refuse("open");
            return;
        }
        allow("openat", SCMP_A2_64(SCMP_CMP_MASKED_EQ, changing, 0));
        allow("open", SCMP_A1_64(SCMP_CMP_MASKED_EQ, changing, 0));
        for (const int flag : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND}) {
            const auto bit = static_cast<scmp_datum_t>(flag);
            if (!(changing & bit)) continue;
            refuse("openat", SCMP_A2_64(SCMP_CMP_MASKED_EQ, bit, bit));
            refuse("open", SCMP_A1_64(SCMP_CMP_MASKED_EQ, bit, bit));
        }
    }

    template <class... Conditions>
    void allow(const char* name, Conditions... conditions) {
        rule(SCMP_ACT_ALLOW, name, conditions...);
    }
    template <class... Conditions>
    void refuse(const char* name, Conditions... conditions) {
        if (refused_ != SCMP_ACT_ERRNO(EPERM)) rule(refused_, name, conditions...); // else it is what happens anyway
    }

    template <class... Conditions>
    void rule(std::uint32_t action, const char* name, Conditions... conditions) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR)
            return; // a call that this libseccomp does not know cannot be needed by what we run
        const std::array<scmp_arg_cmp, sizeof...(conditions)> list{conditions...};
        const int code = seccomp_rule_add_array(filter_, action, number, list.size(), list.data());
        if (code != 0 && failure_ == 0) failure_ = code;
    }

    scmp_filter_ctx filter_;
    std::uint32_t refused_;
    int failure_ = 0;
};

// Loads the filter with `refused` as what is done about the calls worth telling. 0, or a negative errno.
int load(const FilterOptions& options, std::uint32_t refused, Descriptor& listener) {
    const Filter filter{seccomp_init(SCMP_ACT_ERRNO(EPERM))};
    if (!filter) return -ENOMEM;
    int code = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); // the threads that libraries have started, too
    if (code == 0) code = Rules{filter.get(), refused}.add(options);
    if (code == 0) code = seccomp_load(filter.get());
    if (code == 0 && refused == SCMP_ACT_NOTIFY) listener = Descriptor{seccomp_notify_fd(filter.get())};
    return code;
}

} // namespace

Result<Descriptor> filter_system_calls(const FilterOptions& options) {
    Descriptor listener;
    // Refused where the kernel is older than 5.7, or where another listener is set over this process already.
    int code = load(options, SCMP_ACT_NOTIFY, listener);
    if (code != 0) code = load(options, SCMP_ACT_ERRNO(EPERM), listener);
    if (code != 0) return Error{Code::unavailable, fmt::format("seccomp: {}", ::strerror(-code))};
    return listener;
}

} // namespace millrace::inference::worker
