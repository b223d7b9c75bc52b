// A disk that fails on demand: a file system of SQLite's over the default one, for tests of what must survive. The
// daemon has it only when the environment orders faults (MILLRACE_DISK_FAULT); otherwise it does not exist.
#pragma once
#include "base/result.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace millrace::store {

// What the disk does wrong. In text, joined by commas: full-after:BYTES, full-file:PATH, fsync-fails:N,
// fsync-file:PATH, lose-unflushed.
struct DiskFaults {
    std::optional<std::uint64_t> full_after; // files grow by so many bytes in all, and no more
    std::filesystem::path full_while_exists; // while this file exists nothing can be written
    std::uint64_t failing_flush = 0;         // this flush fails, counted from 1, and no other
    std::filesystem::path flushes_fail_while_exists;
    // What is not flushed stays in this process: when it is killed, that is lost as in a power cut, and when a flush
    // fails, it is dropped as the kernel drops it.
    bool lose_unflushed = false;
};

// invalid_argument: not of the form above.
Result<DiskFaults> parse_disk_faults(std::string_view text);

// SQLite's default file system from its construction to its end; outlives the connections opened meanwhile. The
// switches may be turned from any thread.
class FaultDisk {
public:
    explicit FaultDisk(DiskFaults faults = {});
    ~FaultDisk();

    std::atomic<bool> full{false}; // nothing can be written
    std::atomic<bool> flushes_fail{false};
    std::uint64_t flushes() const; // asked for, in all files

    struct State;

private:
    std::unique_ptr<State> state_;
};

// Once a process: the disk that MILLRACE_DISK_FAULT orders, for good. False when it orders none. Errors as above.
Result<bool> install_ordered_faults();

} // namespace millrace::store
