// What the worker gives up, in two steps. Models are code and image decoders parse what strangers send, so that
// after the second step neither can open a file for writing, reach the network, start a program or outlive the
// daemon. What the kernel cannot do is left out and told in the summary.
#pragma once
#include "base/descriptor.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace millrace::inference::worker {

struct SandboxOptions {
    std::filesystem::path runtime;  // the module; its folder and libtorch's stay readable
    std::uint64_t memory_limit = 0; // bytes of private memory; 0: none
    bool gpu = false;               // the driver's devices are used: opened, and spoken to by ioctl
    bool landlock = true;           // false: as on a kernel that has none
};

struct Confinement {
    std::string summary; // what is in force: "no_new_privs, landlock 3, seccomp"
    Descriptor denials;  // for the daemon: tells what is refused (denial_watch.hpp); may be invalid
};

// Before libtorch is loaded, while the process has one thread: no_new_privs, no core dumps, limits, end with the
// daemon, first to go when the machine is out of memory, and Landlock: files are read-only from here on, whatever
// follows.
Result<void> restrict_early(const SandboxOptions& options, int parent);

// After everything that is loaded lazily has been loaded: Landlock down to what libtorch reads, no capabilities, then
// seccomp on all threads.
Result<Confinement> restrict_fully(const SandboxOptions& options);

} // namespace millrace::inference::worker
