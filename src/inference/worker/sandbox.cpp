#include "inference/worker/sandbox.hpp"

#include "inference/worker/landlock.hpp"
#include "inference/worker/system_calls.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace millrace::inference::worker {
namespace {

void limit(__rlimit_resource resource, rlim_t value) {
    rlimit current{};
    if (::getrlimit(resource, &current) != 0) return;
    const rlim_t bound = std::min(value, current.rlim_max);
    const rlimit wanted{bound, bound};
    ::setrlimit(resource, &wanted);
}

// The kernel's killer of last resort takes this process before any other: the daemon has the queue.
void offer_itself_to_the_oom_killer() {
    const Descriptor score{::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
    if (score) (void)!::write(score.get(), "1000", 4);
}

// Of this thread, and of those that it starts: started by root it has them, and needs none.
void drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    ::syscall(SYS_capset, &header, none);
}

} // namespace

Result<void> restrict_early(const SandboxOptions& options, int parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent > 0 && ::getppid() != parent) return Error{Code::unavailable, "the daemon has ended"};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return Error{Code::unavailable, "no_new_privs is refused by the kernel"};
    offer_itself_to_the_oom_killer();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 2048); // a frame may carry 200, and several are under way
    limit(RLIMIT_FSIZE, rlim_t{1} << 30); // large answers travel as memory files
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // their shadow memory counts as data
    if (options.memory_limit > 0) limit(RLIMIT_DATA, options.memory_limit);
#endif
    // Loading needs the libraries wherever they lie; the exact list follows when they are there.
    if (options.landlock && landlock_version() > 0 && !landlock_read_only({"/"}))
        return Error{Code::unavailable, "landlock is there, but refuses its rules"};
    return success();
}

Result<Confinement> restrict_fully(const SandboxOptions& options) {
    Confinement confinement{"no_new_privs", {}};
    const int version = options.landlock ? landlock_version() : 0;
    if (version > 0) {
        std::error_code ignored;
        const auto module = std::filesystem::weakly_canonical(options.runtime, ignored).parent_path();
        if (!landlock_read_only({module, "/usr/lib", "/lib", "/lib64", "/proc/self", "/proc/cpuinfo", "/proc/meminfo",
                                 "/sys/devices/system", "/dev/null", "/dev/urandom"}))
            return Error{Code::unavailable, "landlock is there, but refuses its rules"};
        confinement.summary += fmt::format(", landlock {}", version);
    }
    drop_capabilities();
    // The daemon can still trace and dump this process as root; nobody else can.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // Without Landlock a file that may be read could be any: then none may be opened any more.
    auto denials = filter_system_calls({.files = version > 0});
    if (!denials) return denials.error();
    confinement.denials = std::move(*denials);
    confinement.summary += ", seccomp";
    if (version == 0) confinement.summary += " without files";
    if (!confinement.denials) confinement.summary += " without word of refusals";
    return confinement;
}

} // namespace millrace::inference::worker
