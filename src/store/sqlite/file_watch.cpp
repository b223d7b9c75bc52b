#include "store/sqlite/file_watch.hpp"

#include <optional>

#include <fcntl.h>
#include <sys/stat.h>

namespace millrace::store {

namespace {

// Without the times, which stat() gives as well: Linux 6.13 and later note that somebody has seen them, and give the
// next write a time of its own. Every flush of the log then had to write its inode, too, and a commit took a third
// longer.
std::optional<unsigned> links(int descriptor) {
    struct statx found {};
    if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_NLINK, &found) != 0) return std::nullopt;
    return found.stx_nlink;
}

} // namespace

FileWatch::FileWatch(const std::filesystem::path& database) {
    for (const char* suffix : {"", "-wal"}) {
        auto path = database;
        path += suffix;
        Descriptor descriptor{::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW)};
        if (descriptor) files_.push_back({std::move(path), std::move(descriptor)});
    }
}

std::string FileWatch::deleted() const {
    for (const auto& file : files_) {
        if (links(file.descriptor.get()) == 0U) return file.path.string() + " was deleted while it was in use";
    }
    return {};
}

std::string FileWatch::replaced() const {
    if (auto what = deleted(); !what.empty()) return what;
    for (const auto& file : files_) {
        struct stat open {
        }, named{};
        if (::fstat(file.descriptor.get(), &open) != 0) continue;
        if (::stat(file.path.c_str(), &named) != 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev)
            return file.path.string() + " was moved or replaced while it was in use";
    }
    return {};
}

} // namespace millrace::store
