// System calls on whole files, with their errors as values.
#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace millrace::blobs {

Code error_code(int error);                  // of an errno
Error system_error(const std::string& what); // from errno

Result<void> write_all(int fd, std::span<const std::byte> bytes);
// From the current offset to the end, in pieces.
Result<void> read_all(int fd, const std::function<void(std::span<const std::byte>)>& take);

// A flush that fails is final: the caller gives the file up and never tries again.
Result<void> flush(int fd);
Result<void> flush_folder(const std::filesystem::path& folder);

} // namespace millrace::blobs
