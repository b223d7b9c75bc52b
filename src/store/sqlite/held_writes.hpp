// The bytes of one file that were written and not yet flushed, kept back from the kernel: what a power cut would take.
// Thread-safe. Results are SQLite's codes; `file` is the file beneath.
#pragma once
#include "async/guarded.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

struct sqlite3_file;

namespace millrace::store {

class HeldWrites {
public:
    int read(sqlite3_file* file, void* data, int size, std::int64_t at);
    int write(sqlite3_file* file, const void* data, int size, std::int64_t at);
    int put_through(sqlite3_file* file); // gives all to the kernel
    void drop();
    void cut(std::int64_t size); // the file is being truncated to this size
    std::int64_t end() const;    // past the last byte held; 0: nothing is

private:
    static constexpr std::int64_t block_size = 4096;
    using Block = std::array<std::byte, block_size>;
    struct Held {
        std::map<std::int64_t, Block> blocks; // by number; complete, so they replace what is on disk
        std::int64_t end = 0;
    };

    mutable async::Guarded<Held> held_;
};

} // namespace millrace::store
