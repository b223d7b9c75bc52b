// Reads SQLite's write-ahead log as the next recovery will, without changing it, and looks behind the point where that
// will stop. Format: https://www.sqlite.org/fileformat2.html#walformat. For start-up: no connection has the log open
// meanwhile.
#pragma once
#include <cstdint>
#include <filesystem>

namespace millrace::store {

// One life of the log: from the moment that it is overwritten from its start. `salt` and `sequence` are one more in the
// next life.
struct LogLife {
    std::uint32_t salt = 0, random = 0, sequence = 0;
    bool operator==(const LogLife&) const = default;
};

struct LogScan {
    enum class Header {
        absent, // no file, an empty one, or nothing but zeros at its start: a log without a commit
        sound,
        damaged, // SQLite will take the log for empty
    };
    Header header = Header::absent;
    LogLife life;
    std::uint64_t frames = 0; // up to the last commit that recovery finds
    // A commit that was on the disk before a later one was written lies behind the point where recovery stops. A torn
    // write at the end of the log, as a power cut leaves it, never looks like that: nothing follows a commit before its
    // flush has returned.
    bool damaged_within = false;
};

LogScan scan_log(const std::filesystem::path& log);

} // namespace millrace::store
