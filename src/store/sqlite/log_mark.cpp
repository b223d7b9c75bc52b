#include "store/sqlite/log_mark.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace millrace::store {
namespace {

// On disk, in the machine's byte order: a data folder does not change machines while its log is not written back.
struct Record {
    std::array<char, 8> name{'m', 'r', '-', 'm', 'a', 'r', 'k', '1'};
    LogLife life;
    std::uint32_t written_back = 0;
    std::uint64_t frames = 0;
    std::int64_t at = 0;
    std::uint64_t sum = 0; // of all before it
};
static_assert(sizeof(Record) == 48);

// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): enough to know a torn record.
std::uint64_t sum_of(const Record& record) {
    std::array<unsigned char, sizeof(Record) - sizeof record.sum> bytes{};
    std::memcpy(bytes.data(), &record, bytes.size());
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const auto byte : bytes) sum = (sum ^ byte) * 0x100000001b3;
    return sum;
}

std::filesystem::path path_of(const std::filesystem::path& data) { return data / "millrace.db-mark"; }

// The clock that stamps files (CLOCK_REALTIME_COARSE): a change of a file that follows is never earlier by it.
std::int64_t file_time() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

std::uint32_t big_endian(const unsigned char* bytes) {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

} // namespace

std::optional<Mark> read_mark(const std::filesystem::path& data) {
    const Descriptor file{::open(path_of(data).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    Record record;
    const Record expected;
    if (!file || ::pread(file.get(), &record, sizeof record, 0) != sizeof record) return std::nullopt;
    if (record.name != expected.name || record.sum != sum_of(record)) return std::nullopt;
    return Mark{record.life, record.frames, record.written_back != 0, record.at};
}

LogMark::LogMark(const std::filesystem::path& data)
    : data_{data},
      file_{::open(path_of(data).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)},
      last_{read_mark(data).value_or(Mark{})} {}

void LogMark::committed(std::uint64_t frames) {
    if (frames == 0) return; // nothing was written since the log was opened
    if (!log_) log_ = Descriptor{::open((data_ / "millrace.db-wal").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    unsigned char header[32];
    if (!log_ || ::pread(log_.get(), header, sizeof header, 0) != sizeof header) return;
    last_.life = {big_endian(header + 16), big_endian(header + 20), big_endian(header + 12)};
    last_.frames = frames;
    last_.written_back = false;
    write();
}

void LogMark::written_back() {
    if (std::exchange(last_.written_back, true)) return;
    write();
}

void LogMark::replace(const Mark& mark) {
    last_ = mark;
    write();
}

void LogMark::write() {
    last_.at = file_time();
    Record record;
    record.life = last_.life;
    record.written_back = last_.written_back ? 1 : 0;
    record.frames = last_.frames;
    record.at = last_.at;
    record.sum = sum_of(record);
    [[maybe_unused]] const auto written = ::pwrite(file_.get(), &record, sizeof record, 0);
}

LogVerdict log_verdict(const std::optional<Mark>& mark, const LogScan& scan, std::int64_t database_changed) {
    const bool needed = mark && !mark->written_back && mark->frames > 0;
    const auto lost = [](std::string what) { return LogVerdict{std::move(what), {}}; };
    if (mark && mark->written_back && scan.life == mark->life) return {};
    if (scan.damaged_within)
        return lost(fmt::format("it is damaged after {} of its frames, and acknowledged commits lie behind the damage",
                                scan.frames));
    if (mark && !needed) return {};
    if (scan.header == LogScan::Header::damaged) return lost("its header is damaged");
    if (!needed) return {};
    if (scan.header == LogScan::Header::sound) {
        if (scan.life == mark->life) {
            if (scan.frames >= mark->frames) return {};
            return lost(fmt::format("it ends after {} frames, and commits up to frame {} were acknowledged",
                                    scan.frames, mark->frames));
        }
        // Lives follow each other, and the next one begins only when the last one is in the database.
        const auto later = scan.life.sequence - mark->life.sequence;
        if (later < 0x80000000u && scan.life.salt - mark->life.salt == later) return {};
    }
    // Another program that opened the database wrote the log back and removed it, or a copy was put in its place.
    if (database_changed >= mark->at)
        return {{},
                "another program has written to the database, or put another in its place, since the daemon last ran"};
    if (scan.header == LogScan::Header::sound) return lost("it is another log than the last one");
    return lost(fmt::format("it is gone or empty, and {} frames of acknowledged commits were not in the database yet",
                            mark->frames));
}

} // namespace millrace::store
