// A stored, immutable sequence of bytes, named by its SHA-256.
#pragma once
#include <cstdint>
#include <string>

namespace millrace::model {

struct BlobRef {
    std::string sha256; // 64 lower-case hex digits
    std::uint64_t size = 0;
};

} // namespace millrace::model
