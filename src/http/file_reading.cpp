#include "http/file_reading.hpp"

#include "base/encoding.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

#include <unistd.h>

namespace millrace::http {

FileReading::FileReading(FileBody file) : file_{std::move(file)} {
    const auto& checksum = file_.checksum();
    const auto most = checksum.sha256.empty() ? file_.length() : checksum.size;
    bytes_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, most)));
    if (checksum.sha256.empty()) return;
    const bool whole = file_.length() == checksum.size;
    const bool one_piece =
        whole && file_.length() <= piece_size; // hashed as it goes out, and nothing goes out before that
    check_first_ = !one_piece && checksum.size <= (whole ? checked_first : part_checked_first);
    if (whole && !check_first_) digest_.emplace();
}

Result<std::string_view> FileReading::next() {
    if (done_ == 0 && check_first_)
        if (auto sound = check_whole(); !sound) return sound.error();
    const auto begin = file_.offset() + done_;
    const auto got = fill(begin, file_.offset() + file_.length());
    if (!got) return got.error();
    done_ += *got;
    const std::string_view piece{bytes_.data(), *got};
    if (!digest_) return piece;
    digest_->update(std::as_bytes(std::span{piece}));
    if (done_ == file_.length())
        if (auto sound = judge(*digest_); !sound) return sound.error();
    return piece;
}

Result<std::size_t> FileReading::fill(std::uint64_t from, std::uint64_t until) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(bytes_.size(), until - from));
    for (std::size_t have = 0; have < want;) {
        const auto n = ::pread(file_.descriptor(), bytes_.data() + have, want - have, static_cast<off_t>(from + have));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return Error{Code::internal, "the file could not be read to its end"};
        have += static_cast<std::size_t>(n);
    }
    return want;
}

Result<void> FileReading::check_whole() {
    Sha256Stream digest;
    for (std::uint64_t at = 0; at < file_.checksum().size;) {
        const auto got = fill(at, file_.checksum().size);
        if (!got) return got.error();
        digest.update(std::as_bytes(std::span{bytes_.data(), *got}));
        at += *got;
    }
    return judge(digest);
}

Result<void> FileReading::judge(Sha256Stream& digest) const {
    const auto& checksum = file_.checksum();
    const bool sound = hex(digest.finish()) == checksum.sha256;
    if (checksum.verdict) checksum.verdict(sound);
    if (sound) return success();
    return Error{Code::internal, "the file is damaged on the disk: its bytes do not have the SHA-256 " +
                                     checksum.sha256 + " any more; store it again"};
}

} // namespace millrace::http
