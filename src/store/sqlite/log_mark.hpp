// How far the write-ahead log had come when the last commit was acknowledged, in a small file beside the database. It
// is written after the commit's flush and before the acknowledgement, and not flushed itself: that costs some
// microseconds a group. What it says is therefore never more than what was acknowledged; after a kill it is exactly
// that, after a power cut a little less.
//
// At start it is held against the log (log_verdict): a log that ends before its mark has lost acknowledged commits, of
// which SQLite itself says nothing. A log that was written back whole is not needed any more, and the mark says so.
#pragma once
#include "base/descriptor.hpp"
#include "store/sqlite/log_scan.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace millrace::store {

struct Mark {
    LogLife life;
    std::uint64_t frames = 0;  // of the last acknowledged commit
    bool written_back = false; // all of them are in the database
    std::int64_t at = 0;       // microseconds, on the clock that stamps files
};

std::optional<Mark> read_mark(const std::filesystem::path& data); // nullopt: there is none, or it cannot be read

// Used by the writer's thread. A mark that cannot be written is left: the next start then knows less, and nothing else
// is worse.
class LogMark {
public:
    explicit LogMark(const std::filesystem::path& data);

    void committed(std::uint64_t frames); // before the acknowledgement
    void written_back();                  // the whole log is in the database
    void replace(const Mark& mark);       // what was lost is accepted

private:
    void write();

    std::filesystem::path data_;
    Descriptor file_, log_;
    Mark last_;
};

// What the log says about the last run, against the mark and the time of the last change to the database's file
// (microseconds).
struct LogVerdict {
    std::string lost;   // why acknowledged commits are gone; empty: none is, as far as can be known
    std::string remark; // what is worth a line in the log
};
LogVerdict log_verdict(const std::optional<Mark>& mark, const LogScan& scan, std::int64_t database_changed);

} // namespace millrace::store
