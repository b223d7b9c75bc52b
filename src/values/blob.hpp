// A stored, immutable sequence of bytes, named by its SHA-256.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace millrace::values {

struct BlobRef {
    std::string sha256; // 64 lower-case hex digits
    std::uint64_t size = 0;
    // Of one that was stored just now: keeps its file from being removed, until the row that names it is committed.
    // Shared with the copies on their way there.
    std::shared_ptr<const void> held{};
};

} // namespace millrace::values
