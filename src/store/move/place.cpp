#include "store/move/place.hpp"

#include "base/clock.hpp"
#include "base/crash_point.hpp"
#include "base/descriptor.hpp"
#include "store/sqlite/connection.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::store {
namespace {

namespace fs = std::filesystem;

void check(const std::error_code& failure, const char* doing) {
    if (failure) throw DatabaseError{Fault::broken, fmt::format("{}: {}", doing, failure.message())};
}

// A copy where the file system has no links.
void keep_aside(const fs::path& database) {
    auto stamp = SystemClock::instance().now().text();
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    const fs::path aside = database.string() + ".moved-" + stamp.substr(0, 15);
    std::error_code failure;
    if (fs::exists(aside, failure)) return; // by a call that was killed
    fs::create_hard_link(database, aside, failure);
    if (failure) fs::copy_file(database, aside, failure);
    check(failure, "keeping the old database");
}

// What a database committed last may be in its log alone, which a rename leaves behind.
void write_back(const fs::path& database) {
    {
        Connection last{database, Connection::Access::write};
        if (!last.checkpoint(Connection::Checkpoint::truncate, std::chrono::seconds{10}))
            throw DatabaseError{Fault::unavailable, "another program has " + database.string() + " open"};
    }
    std::error_code failure;
    if (const auto left = fs::file_size(database.string() + "-wal", failure); !failure && left > 0)
        throw DatabaseError{Fault::unavailable, "another program has written to " + database.string()};
}

void flush(const fs::path& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file || ::fsync(file.get()) != 0) throw DatabaseError{Fault::broken, "flushing " + path.string()};
}

} // namespace

void put_in_place(const fs::path& filled, const fs::path& data) {
    const auto database = data / "millrace.db";
    write_back(filled);
    // Root may run the move of a service's store.
    struct stat folder {};
    if (::geteuid() == 0 && ::stat(data.c_str(), &folder) == 0)
        if (::chown(filled.c_str(), folder.st_uid, folder.st_gid) != 0)
            throw DatabaseError{Fault::broken, "giving the database to its owner failed"};
    std::error_code failure;
    if (fs::exists(database, failure)) {
        write_back(database);
        keep_aside(database);
    }
    // The old log and its mark are not of the new one.
    for (const char* suffix : {"-wal", "-shm", "-mark"}) {
        fs::remove(database.string() + suffix, failure);
        check(failure, "removing the old database's log");
    }
    flush(filled);
    crash_point("move.before_rename");
    fs::rename(filled, database, failure);
    check(failure, "putting the new database in place");
    flush(data);
    crash_point("move.after_rename");
}

} // namespace millrace::store
