// The structure of a zip archive from a stranger, in which nothing may lie. Pure; every offset and length is checked
// against the bytes given.
#pragma once
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference {

struct ArchiveLimits {
    std::size_t max_entries = 4096;
    std::uint64_t max_unpacked = std::uint64_t{16} << 30;
    std::uint64_t max_ratio = 100; // unpacked to packed, of one entry
};

struct ZipEntry {
    std::string_view name, packed; // they point into the archive
    bool deflated = false;         // else stored
    std::uint32_t crc = 0;
    std::uint64_t unpacked = 0;
};

// Its entries in the order of the directory. unprocessable when entries are not
// stored or deflated, when local headers contradict the central directory, when an entry overlaps another, when two
// differ in case alone, when a path could lead out of the folder it is unpacked in, or when a limit is passed.
Result<std::vector<ZipEntry>> read_zip(std::span<const std::byte> bytes, const ArchiveLimits& limits = {});

// As torch compares names (miniz): ASCII letters in lower case, the others as they are.
std::string folded(std::string_view name);

} // namespace millrace::inference
