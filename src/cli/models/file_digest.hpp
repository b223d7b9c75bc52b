// The SHA-256 of a file.
#pragma once
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "cli/body.hpp"

#include <filesystem>
#include <string>

namespace millrace::cli {

// In lower-case hex. Throws Failure when the file cannot be read.
inline std::string file_digest(const std::filesystem::path& path) {
    Body body;
    body.add_file(path);
    Sha256Stream digest;
    body.pump([&](std::span<const char> piece) {
        digest.update(std::as_bytes(piece));
        return true;
    });
    return hex(digest.finish());
}

} // namespace millrace::cli
