#include "inference/worker/sandbox/landlock.hpp"

#include "base/descriptor.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millrace::inference::worker {
namespace {

constexpr std::uint64_t ioctl_on_devices = 1ULL << 15; // since version 5

// Every right of a version's interface is handled, so that what is not granted is denied.
std::uint64_t handled_rights(int version) {
    std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; // version 1: the first 13
    if (version >= 2) rights |= 1ULL << 13;                        // refer
    if (version >= 3) rights |= 1ULL << 14;                        // truncate
    if (version >= 5) rights |= ioctl_on_devices;
    return rights;
}

struct RulesetAttributes { // with the fields of later kernels, which this system's header may lack
    std::uint64_t handled_fs = 0, handled_net = 0;
};

bool grant(int ruleset, const std::filesystem::path& path, std::uint64_t rights) {
    const Descriptor parent{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (!parent) return true; // what is not there need not be used
    landlock_path_beneath_attr rule{};
    rule.parent_fd = parent.get();
    rule.allowed_access = rights;
    return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

} // namespace

int landlock_version() {
    const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : static_cast<int>(version);
}

bool landlock_read_only(const std::vector<std::filesystem::path>& readable,
                        const std::vector<std::filesystem::path>& devices) {
    const int version = landlock_version();
    if (version == 0) return false;
    const RulesetAttributes attributes{handled_rights(version), version >= 4 ? 3u : 0u}; // 3: bind and connect over TCP
    const Descriptor ruleset{static_cast<int>(::syscall(
        SYS_landlock_create_ruleset, &attributes, version >= 4 ? sizeof attributes : sizeof attributes.handled_fs, 0))};
    if (!ruleset) return false;
    constexpr std::uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE, list = LANDLOCK_ACCESS_FS_READ_DIR,
                            write = LANDLOCK_ACCESS_FS_WRITE_FILE;
    for (const auto& path : readable) {
        std::error_code ignored;
        if (!grant(ruleset.get(), path, std::filesystem::is_directory(path, ignored) ? read | list : read))
            return false;
    }
    for (const auto& path : devices)
        if (!grant(ruleset.get(), path, read | write | (version >= 5 ? ioctl_on_devices : 0))) return false;
    return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

} // namespace millrace::inference::worker
