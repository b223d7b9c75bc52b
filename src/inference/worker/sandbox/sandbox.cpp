#include "inference/worker/sandbox/sandbox.hpp"

#include "inference/worker/sandbox/landlock.hpp"
#include "inference/worker/sandbox/system_calls.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include <fstream>
#include <set>

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

using Paths = std::vector<std::filesystem::path>;

// The devices of NVIDIA's driver.
Paths gpu_devices(const SandboxOptions& options) {
    Paths devices;
    std::error_code ignored;
    if (options.gpu)
        for (const auto& entry : std::filesystem::directory_iterator{"/dev", ignored})
            if (entry.path().filename().string().starts_with("nvidia")) devices.push_back(entry.path());
    return devices;
}

// The folders of the libraries that are loaded: some of them load their neighbours when they are first needed.
std::set<std::filesystem::path> library_folders() {
    std::set<std::filesystem::path> folders;
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        const auto at = line.find('/');
        if (at != line.npos && line.find(".so", at) != line.npos)
            folders.insert(std::filesystem::path{line.substr(at)}.parent_path());
    }
    return folders;
}

Paths readable(const SandboxOptions& options) {
    std::error_code ignored;
    Paths paths{std::filesystem::weakly_canonical(options.runtime, ignored).parent_path(),
                "/usr/lib",
                "/lib",
                "/lib64",
                "/proc/self",
                "/proc/cpuinfo",
                "/proc/meminfo",
                "/sys/devices/system",
                "/dev/null",
                "/dev/urandom"};
    for (const auto& folder : library_folders()) paths.push_back(folder);
    if (options.gpu)
        for (const char* path : {"/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/sys/bus/pci",
                                 "/sys/devices", "/usr/share/nvidia"})
            paths.emplace_back(path);
    return paths;
}

} // namespace

Result<void> restrict_early(const SandboxOptions& options, int parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (parent > 0 && ::getppid() != parent) return Error{Code::unavailable, "the daemon has ended"};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return Error{Code::unavailable, "no_new_privs is refused by the kernel"};
    offer_itself_to_the_oom_killer();
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 2048);                                     // a frame may carry 200, and several are under way
    limit(RLIMIT_FSIZE, rlim_t{1} << 30);                           // large answers travel as memory files
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // their shadow memory counts as data
    if (options.memory_limit > 0) limit(RLIMIT_DATA, options.memory_limit);
#endif
    // Loading needs the libraries wherever they lie; the exact list follows when they are there.
    if (options.landlock && landlock_version() > 0 && !landlock_read_only({"/"}, gpu_devices(options)))
        return Error{Code::unavailable, "landlock is there, but refuses its rules"};
    return success();
}

Result<Confinement> restrict_fully(const SandboxOptions& options) {
    Confinement confinement{"no_new_privs", {}};
    const int version = options.landlock ? landlock_version() : 0;
    if (version > 0) {
        if (!landlock_read_only(readable(options), gpu_devices(options)))
            return Error{Code::unavailable, "landlock is there, but refuses its rules"};
        confinement.summary += fmt::format(", landlock {}", version);
    }
    drop_capabilities();
    // The daemon can still trace and dump this process as root; nobody else can.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // Without Landlock a file that may be read could be any: then none may be opened any more. A GPU's driver cannot do
    // without.
    auto denials = filter_system_calls({.files = version > 0 || options.gpu, .gpu = options.gpu});
    if (!denials) return denials.error();
    confinement.denials = std::move(*denials);
    confinement.summary += ", seccomp";
    if (version == 0) confinement.summary += options.gpu ? " but no limit on files" : " without files";
    if (!confinement.denials) confinement.summary += " without word of refusals";
    return confinement;
}

} // namespace millrace::inference::worker
