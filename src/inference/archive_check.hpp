// Looks at a model file before any torch call: it must be a zip archive as TorchScript writes it, and nothing in
// its structure may lie. Pure; every offset and length is checked against the bytes given.
#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace millrace::inference {

struct ArchiveLimits {
    std::size_t max_entries = 4096;
    std::uint64_t max_unpacked = std::uint64_t{16} << 30;
    std::uint64_t max_ratio = 100;  // unpacked to packed, of one entry
};

// unprocessable with the reason when `bytes` is not an archive to be trusted with: entries are stored or deflated,
// local headers equal the central directory, no entry leaves the archive's one folder or overlaps another, and it has
// FOLDER/data.pkl, FOLDER/version and code (FOLDER/code/…) and constants (FOLDER/constants.pkl) as TorchScript has.
Result<void> check_torchscript_archive(std::span<const std::byte> bytes, const ArchiveLimits& limits = {});

} // namespace millrace::inference
