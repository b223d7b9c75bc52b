#include "store/sqlite/log_scan.hpp"

#include "base/descriptor.hpp"

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace millrace::store {
namespace {

constexpr std::size_t header_bytes = 32, frame_header_bytes = 24;
constexpr std::uint32_t magic = 0x377f0682; // the last bit: checksums are over big-endian words

using Bytes = std::span<const std::byte>;

std::uint32_t word(Bytes bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
    return value;
}

struct Sum {
    std::uint32_t first = 0, second = 0;
    bool operator==(const Sum&) const = default;

    void add(Bytes bytes, bool swapped) {
        for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
            std::uint32_t pair[2];
            std::memcpy(pair, bytes.data() + at, sizeof pair);
            if (swapped) pair[0] = __builtin_bswap32(pair[0]), pair[1] = __builtin_bswap32(pair[1]);
            first += pair[0] + second;
            second += pair[1] + first;
        }
    }
};

Sum stored_sum(Bytes bytes, std::size_t at) { return {word(bytes, at), word(bytes, at + 4)}; }

// The frames of a log whose header is sound.
class Frames {
public:
    Frames(Bytes log, std::size_t page, bool swapped)
        : log_{log},
          size_{page + frame_header_bytes},
          swapped_{swapped} {}

    std::uint64_t count() const { return (log_.size() - header_bytes) / size_; }
    bool is_commit(std::uint64_t index) const { return word(frame(index), 4) != 0; }
    Sum sum_of(std::uint64_t index) const { return stored_sum(frame(index), 16); }
    bool of_this_life(std::uint64_t index) const {
        return std::memcmp(frame(index).data() + 8, log_.data() + 16, 8) == 0;
    }
    // Written right after what came to `before`.
    bool continues(std::uint64_t index, Sum before) const {
        if (!of_this_life(index)) return false;
        before.add(frame(index).first(8), swapped_);
        before.add(frame(index).subspan(frame_header_bytes), swapped_);
        return before == sum_of(index);
    }

private:
    Bytes frame(std::uint64_t index) const { return log_.subspan(header_bytes + index * size_, size_); }

    Bytes log_;
    std::size_t size_;
    bool swapped_;
};

LogScan scan(Bytes log) {
    LogScan found;
    bool zeros = true;
    for (std::size_t i = 0; i < header_bytes && i < log.size(); ++i) zeros = zeros && log[i] == std::byte{0};
    if (zeros) return found;
    found.header = LogScan::Header::damaged;
    if (log.size() < header_bytes || (word(log, 0) & ~1u) != magic) return found;
    const bool swapped = ((word(log, 0) & 1) != 0) != (std::endian::native == std::endian::big);
    Sum sum;
    sum.add(log.first(24), swapped);
    const std::size_t page = word(log, 8);
    if (sum != stored_sum(log, 24) || !std::has_single_bit(page) || page < 512 || page > 65536) return found;
    found.header = LogScan::Header::sound;
    found.life = {word(log, 16), word(log, 20), word(log, 12)};
    const Frames frames{log, page, swapped};
    std::uint64_t end = 0;
    for (; end < frames.count() && frames.continues(end, sum); ++end) {
        sum = frames.sum_of(end);
        if (frames.is_commit(end)) found.frames = end + 1;
    }
    for (auto at = end; at + 1 < frames.count() && !found.damaged_within; ++at)
        found.damaged_within =
            frames.of_this_life(at) && frames.is_commit(at) && frames.continues(at + 1, frames.sum_of(at));
    return found;
}

} // namespace

LogScan scan_log(const std::filesystem::path& log) {
    const Descriptor file{::open(log.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0 || found.st_size == 0) return {};
    const auto size = static_cast<std::size_t>(found.st_size);
    void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (start == MAP_FAILED) return {};
    const auto result = scan({static_cast<const std::byte*>(start), size});
    ::munmap(start, size);
    return result;
}

} // namespace millrace::store
