#include "blobs/files.hpp"

#include "base/descriptor.hpp"

#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace millrace::blobs {

Code error_code(int error) {
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Code::storage_full;
    case EMFILE:
    case ENFILE: return Code::unavailable;
    default: return Code::internal;
    }
}

Error system_error(const std::string& what) {
    const int error = errno;
    return {error_code(error), what + ": " + std::strerror(error)};
}

Result<void> write_all(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto wrote = ::write(fd, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return system_error("cannot write a blob");
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return success();
}

Result<void> read_all(int fd, const std::function<void(std::span<const std::byte>)>& take) {
    std::vector<std::byte> buffer(std::size_t{256} << 10);
    for (;;) {
        const auto got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("cannot read a blob");
        if (got == 0) return success();
        take({buffer.data(), static_cast<std::size_t>(got)});
    }
}

Result<void> flush(int fd) {
    if (::fsync(fd) != 0) return system_error("cannot flush a blob");
    return success();
}

Result<void> flush_folder(const std::filesystem::path& folder) {
    const Descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!opened) return system_error("cannot open " + folder.string());
    if (::fsync(opened.get()) != 0) return system_error("cannot flush " + folder.string());
    return success();
}

} // namespace millrace::blobs
