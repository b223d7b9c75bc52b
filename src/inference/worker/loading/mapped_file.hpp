// A file of the daemon's, read where it lies. Files of the registry never shrink, so the mapping cannot be cut under a
// reader.
#pragma once
#include "base/descriptor.hpp"

#include <string_view>

#include <sys/mman.h>
#include <sys/stat.h>

namespace millrace::inference::worker {

class MappedFile {
public:
    explicit MappedFile(const Descriptor& file) {
        struct stat info {};
        if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) return;
        void* at = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (at != MAP_FAILED) bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(info.st_size)};
    }
    ~MappedFile() {
        if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    std::string_view bytes() const { return bytes_; } // empty for one that is empty, and for one that cannot be read

private:
    std::string_view bytes_;
};

} // namespace millrace::inference::worker
