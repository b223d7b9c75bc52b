#include "store/sqlite/start_check.hpp"

#include "base/clock.hpp"
#include "store/sqlite/log_mark.hpp"

#include <fmt/format.h>

#include <fstream>

#include <sys/stat.h>

namespace millrace::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* how_to_accept = "start once with store.accept_damage = true (MILLRACE_STORE_ACCEPT_DAMAGE=true)";

std::uint64_t size_of(const fs::path& path) {
    std::error_code failure;
    const auto size = fs::file_size(path, failure);
    return failure ? 0 : size;
}

std::int64_t changed_at(const fs::path& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return 0;
    return std::int64_t{found.st_mtim.tv_sec} * 1'000'000 + found.st_mtim.tv_nsec / 1000;
}

bool has_file(const fs::path& folder) {
    std::error_code failure;
    for (fs::recursive_directory_iterator entry{folder, failure}, end; !failure && entry != end;
         entry.increment(failure))
        if (entry->is_regular_file(failure)) return true;
    return false;
}

// What only an installation leaves; empty: nothing of the kind is there. A log counts where there is no database at
// all: a first start that was killed leaves one beside a database without tables.
std::string left_behind(const fs::path& data, bool without_database) {
    if (has_file(data / "blobs" / "hot")) return "stored blobs (blobs/)";
    if (has_file(data / "models" / "hot")) return "stored models (models/)";
    if (size_of(data / "millrace.db-mark") > 0) return "the mark of an earlier run (millrace.db-mark)";
    if (without_database && scan_log(data / "millrace.db-wal").header != LogScan::Header::absent)
        return "the log of a database (millrace.db-wal)";
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator{data, failure})
        if (entry.path().filename().string().starts_with("millrace.db.rescued-"))
            return "a copy that was saved (" + entry.path().filename().string() + ")";
    return {};
}

Result<std::optional<std::string>> not_new(const fs::path& data, const char* state, bool without_database,
                                           bool accept) {
    const auto left = left_behind(data, without_database);
    if (left.empty()) return std::optional<std::string>{};
    const auto what = fmt::format("the database {} {}, beside {}", (data / "millrace.db").string(), state, left);
    if (accept) return std::optional{what};
    return Error{
        Code::conflict,
        fmt::format(
            "{}: this is no new installation, and nothing was changed. Put the database back from a backup, or "
            "from millrace.db.rescued-… if that lies there. To begin with an empty database all the same, {}; to "
            "begin anew, choose another data folder",
            what, how_to_accept)};
}

Result<void> note_acceptance(const fs::path& data, const std::string& what) {
    std::ofstream note{data / "damage.accepted", std::ios::app};
    note << SystemClock::instance().now().text() << ' ' << what << '\n';
    if (note.flush()) return success();
    return Error{Code::storage_full, "cannot write " + (data / "damage.accepted").string() + "; nothing was changed"};
}

Result<void> keep_copy(const fs::path& log) {
    auto stamp = SystemClock::instance().now().text();
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    const auto copy = log.string() + ".damaged-" + stamp.substr(0, 15);
    std::error_code failure;
    if (!fs::copy_file(log, copy, failure) && failure && failure != std::errc::no_such_file_or_directory)
        return Error{Code::storage_full, fmt::format("the damaged log cannot be copied to {}: {}; nothing was changed",
                                                     copy, failure.message())};
    return success();
}

} // namespace

Result<std::optional<std::string>> check_files(const fs::path& data, bool accept, telemetry::Log& log) {
    const auto database = data / "millrace.db", wal = data / "millrace.db-wal";
    std::error_code failure;
    if (size_of(database) == 0) {
        auto found = not_new(data, fs::exists(database, failure) ? "is empty" : "is missing", true, accept);
        if (!found || !*found) return found;
        if (auto noted = note_acceptance(data, **found); !noted) return noted.error();
        if (auto kept = keep_copy(wal); !kept) return kept.error(); // SQLite removes the log of an empty database
        return found;
    }
    const auto scan = scan_log(wal);
    const auto verdict = log_verdict(read_mark(data), scan, changed_at(database));
    if (!verdict.remark.empty()) log.warning("the database was changed from outside", {{"what", verdict.remark}});
    if (verdict.lost.empty()) return std::optional<std::string>{};
    const auto what =
        fmt::format("the log of the database, {}, does not hold what was acknowledged: {}", wal.string(), verdict.lost);
    if (!accept)
        return Error{
            Code::conflict,
            fmt::format(
                "{}. Starting would go on without it, so nothing was changed. Put {} and millrace.db-wal back from one "
                "backup, or to go on with what can be read, {}; the damaged log is then kept beside it",
                what, database.string(), how_to_accept)};
    if (auto noted = note_acceptance(data, what); !noted) return noted.error();
    if (auto kept = keep_copy(wal); !kept) return kept.error();
    LogMark{data}.replace({scan.life, scan.frames, scan.frames == 0, 0});
    return std::optional{what};
}

Result<std::optional<std::string>> check_new(const fs::path& data, bool accept) {
    auto found = not_new(data, "has no tables", false, accept);
    if (!found || !*found) return found;
    if (auto noted = note_acceptance(data, **found); !noted) return noted.error();
    return found;
}

} // namespace millrace::store
