// The structure of a zip archive from a stranger, in which nothing may lie. Pure; every offset and length is checked
// against the bytes given.
#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::inference {

struct ArchiveLimits {
    std::size_t max_entries = 4096;
    std::uint64_t max_unpacked = std::uint64_t{16} << 30;
    std::uint64_t max_ratio = 100; // unpacked to packed, of one entry
};

// The names of its entries, in the order of the directory; they point into `bytes`. unprocessable when entries are not
// stored or deflated, when local headers contradict the central directory, when an entry overlaps another, when two
// differ in case alone, when a path could lead out of the folder it is unpacked in, or when a limit is passed.
Result<std::vector<std::string_view>> read_zip_names(std::span<const std::byte> bytes, const ArchiveLimits& limits = {});

} // namespace millrace::inference
