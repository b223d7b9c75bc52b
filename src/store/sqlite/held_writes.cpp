#include "store/sqlite/held_writes.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>

namespace millrace::store {
namespace {

// The part of `size` bytes from `at` that lies in the block that begins at `start`.
struct Overlap {
    std::int64_t from, to;
    Overlap(std::int64_t start, std::int64_t length, std::int64_t at, std::int64_t size)
        : from{std::max(start, at)},
          to{std::min(start + length, at + size)} {}
    std::size_t length() const { return static_cast<std::size_t>(to - from); }
};

} // namespace

int HeldWrites::read(sqlite3_file* file, void* data, int size, std::int64_t at) {
    auto held = held_.lock();
    const int code = file->pMethods->xRead(file, data, size, at); // past the end: zeros, and SHORT_READ
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
    for (auto block = held->blocks.lower_bound(at / block_size); block != held->blocks.end(); ++block) {
        const std::int64_t start = block->first * block_size;
        if (start >= at + size) break;
        const Overlap both{start, block_size, at, size};
        std::memcpy(static_cast<std::byte*>(data) + (both.from - at), block->second.data() + (both.from - start),
                    both.length());
    }
    return at + size <= held->end ? SQLITE_OK : code;
}

int HeldWrites::write(sqlite3_file* file, const void* data, int size, std::int64_t at) {
    auto held = held_.lock();
    for (std::int64_t number = at / block_size; number * block_size < at + size; ++number) {
        const std::int64_t start = number * block_size;
        const auto [block, added] = held->blocks.try_emplace(number);
        if (added) {
            const int code = file->pMethods->xRead(file, block->second.data(), block_size, start);
            if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
        }
        const Overlap both{start, block_size, at, size};
        std::memcpy(block->second.data() + (both.from - start), static_cast<const std::byte*>(data) + (both.from - at),
                    both.length());
    }
    held->end = std::max(held->end, at + size);
    return SQLITE_OK;
}

int HeldWrites::put_through(sqlite3_file* file) {
    auto held = held_.lock();
    sqlite3_int64 size = 0;
    if (const int code = file->pMethods->xFileSize(file, &size); code != SQLITE_OK) return code;
    const std::int64_t end = std::max<std::int64_t>(size, held->end);
    for (const auto& [number, block] : held->blocks) {
        const std::int64_t start = number * block_size;
        const int length = static_cast<int>(std::min(block_size, end - start));
        if (const int code = file->pMethods->xWrite(file, block.data(), length, start); code != SQLITE_OK) return code;
    }
    *held = {};
    return SQLITE_OK;
}

void HeldWrites::drop() { *held_.lock() = {}; }

void HeldWrites::cut(std::int64_t size) {
    auto held = held_.lock();
    held->blocks.erase(held->blocks.lower_bound((size + block_size - 1) / block_size), held->blocks.end());
    if (const auto last = held->blocks.find(size / block_size); last != held->blocks.end())
        std::fill(last->second.begin() + size % block_size, last->second.end(), std::byte{});
    held->end = std::min(held->end, size);
}

std::int64_t HeldWrites::end() const { return held_.lock()->end; }

} // namespace millrace::store
