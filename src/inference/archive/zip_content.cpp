#include "inference/archive/zip_content.hpp"

#include "inference/archive/in_quotes.hpp"

#include <zlib.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>

namespace millrace::inference {
namespace {

std::uint32_t checksum(std::uint32_t so_far, const char* bytes, std::size_t size) {
    return static_cast<std::uint32_t>(crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes), size));
}

// Unpacks through a small buffer, whatever the entry's size.
class Inflater {
public:
    explicit Inflater(std::string_view packed) : rest_{packed} {
        if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc{};
    }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    // The next bytes, valid until the next call. Empty: at the end, or broken.
    std::string_view next() {
        while (!ended_ && !broken_) {
            if (stream_.avail_in == 0) {
                const auto size = std::min<std::size_t>(rest_.size(), 1u << 30); // zlib counts in 32 bits
                stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
                stream_.avail_in = static_cast<uInt>(size);
                rest_.remove_prefix(size);
            }
            stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            const int state = inflate(&stream_, Z_NO_FLUSH);
            ended_ = state == Z_STREAM_END;
            broken_ = !ended_ && state != Z_OK; // also when the input is over
            if (stream_.avail_out < buffer_.size()) return {buffer_.data(), buffer_.size() - stream_.avail_out};
        }
        return {};
    }
    bool whole() const { return ended_ && stream_.avail_in == 0 && rest_.empty(); }

private:
    z_stream stream_{};
    std::string_view rest_;
    std::array<char, 65536> buffer_{};
    bool ended_ = false, broken_ = false;
};

// Hands the entry's bytes to `take` in order.
template <class Take>
Result<void> read(const ZipEntry& entry, Take take) {
    const auto broken = [&](const char* how) {
        return Error{Code::unprocessable, fmt::format("entry {} {}", in_quotes(entry.name), how)};
    };
    std::uint32_t crc = 0;
    if (!entry.deflated) {
        crc = checksum(0, entry.packed.data(), entry.packed.size());
        take(entry.packed);
    } else {
        Inflater inflater{entry.packed};
        std::uint64_t size = 0;
        for (auto part = inflater.next(); !part.empty(); part = inflater.next()) {
            if ((size += part.size()) > entry.unpacked) return broken("unpacks to more than it says");
            crc = checksum(crc, part.data(), part.size());
            take(part);
        }
        if (!inflater.whole() || size != entry.unpacked) return broken("cannot be unpacked");
    }
    if (crc != entry.crc) return broken("has another checksum than the directory says");
    return success();
}

} // namespace

Result<std::string> unpack(const ZipEntry& entry) {
    std::string out;
    out.reserve(entry.unpacked);
    if (auto fine = read(entry, [&](std::string_view part) { out += part; }); !fine) return fine.error();
    return out;
}

Result<void> check_content(const ZipEntry& entry) {
    return read(entry, [](std::string_view) {});
}

} // namespace millrace::inference
