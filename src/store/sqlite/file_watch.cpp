#include "store/sqlite/file_watch.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace millrace::store {

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
        struct stat open {};
        if (::fstat(file.descriptor.get(), &open) == 0 && open.st_nlink == 0) return file.path.string() + " was deleted while it was in use";
    }
    return {};
}

std::string FileWatch::replaced() const {
    if (auto what = deleted(); !what.empty()) return what;
    for (const auto& file : files_) {
        struct stat open {}, named {};
        if (::fstat(file.descriptor.get(), &open) != 0) continue;
        if (::stat(file.path.c_str(), &named) != 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev)
            return file.path.string() + " was moved or replaced while it was in use";
    }
    return {};
}

} // namespace millrace::store
