// Equal inputs of a model are answered once: a runner that looks into the cache first, for models whose manifest asks
// for it
// (`cache`), and hands everything else on.
//
// What is equal: the version (organisation, name, number, digests of its file and manifest), the form of the answer,
// the media type, and the bytes of the input. So nothing of one version is ever an answer of another. Failures are not
// kept, and neither are inputs that are files without a known digest.
#pragma once
#include "async/thread_pool.hpp"
#include "cache/cache.hpp"
#include "inference/engine.hpp"
#include "models/serving/runner.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::models {

// The name of an answer in the cache; nullopt for an input that is not to be kept.
std::optional<std::string> cache_key(const inference::Request& request);

// Counts a lookup: hit or not, and what it took.
using CountLookup =
    std::function<void(const std::shared_ptr<const inference::ModelVersion>&, bool, std::chrono::nanoseconds)>;

// Borrows the cache and the pool, on which large inputs are digested. Answers out of the cache have `cached` and no
// times of their own.
std::unique_ptr<Runner> cached_runner(std::unique_ptr<Runner> runner, cache::Cache& cache, async::ThreadPool& pool,
                                      CountLookup count);

} // namespace millrace::models
