// The LMDB driver of the port in cache/cache.hpp.
#pragma once
#include "base/clock.hpp"
#include "base/result.hpp"
#include "cache/cache.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>

namespace millrace::cache {

struct LmdbOptions {
    std::filesystem::path folder;              // made if it is not there; no other process may have it open
    std::size_t limit = std::size_t{64} << 20; // bytes kept; what expires soonest is dropped first
};

// A cache that cannot be read, or that the machine went down on, is moved aside and started afresh: only a folder
// that cannot be made is an error. `clock`, `log` and `metrics` outlive the cache.
Result<std::unique_ptr<Cache>> open_lmdb(const LmdbOptions& options, const Clock& clock, telemetry::Log& log,
                                         telemetry::Metrics& metrics);

} // namespace millrace::cache
