// Reads the part of a file that an answer is made of, piece by piece, and checks the file's digest where it has one.
// Every function blocks on the disk: call them on the files pool, one at a time.
//
// The answer for a damaged file must not end well. A file of up to `checked_first` bytes is read whole before its first
// byte goes out, so the answer is a problem document; so is a part of one of up to `part_checked_first`. A larger one
// is hashed as it goes out, and its last piece held back until the digest is known: the connection is closed before the
// promised length. A part of a large file is not checked.
#pragma once
#include "base/crypto.hpp"
#include "base/result.hpp"
#include "http/response.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace::http {

class FileReading {
public:
    static constexpr std::size_t piece_size = std::size_t{256} << 10;
    static constexpr std::uint64_t checked_first = std::uint64_t{16} << 20, part_checked_first = std::uint64_t{1} << 20;

    explicit FileReading(FileBody file);

    // The next piece, valid until the next call; not to be called after the last. internal: the file is too short,
    // cannot be read or is damaged.
    Result<std::string_view> next();

private:
    Result<std::size_t> fill(std::uint64_t from, std::uint64_t until); // of the file; says how many bytes
    Result<void> check_whole();
    Result<void> judge(Sha256Stream& digest) const;

    FileBody file_;
    std::vector<char> bytes_;
    std::uint64_t done_ = 0;
    bool check_first_ = false;
    std::optional<Sha256Stream> digest_; // of what goes out
};

} // namespace millrace::http
