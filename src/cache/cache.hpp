// The port of the cache: keys to values that can be rebuilt, each with an expiry. A cache may forget anything at any
// time, so nothing here fails: what cannot be kept is not there.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::cache {

struct CacheStats {
    std::uint64_t entries = 0, bytes = 0;
};

// Thread-safe. get() takes a microsecond; put() and erase() take turns and some microseconds. None waits for the disk
// to flush.
class Cache {
public:
    virtual ~Cache() = default;

    virtual std::optional<std::string> get(std::string_view key) = 0;
    virtual void put(std::string_view key, std::string_view value, std::chrono::seconds lifetime) = 0;
    virtual void erase(std::string_view key) = 0;
    virtual CacheStats stats() const = 0;
};

} // namespace millrace::cache
