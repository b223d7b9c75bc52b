// JSON bodies of many megabytes. An io thread serves thousands of connections: what takes longer than some hundred
// microseconds is read on the files pool, where a few are read at once, and no body buys more memory than a multiple of
// its size.
#pragma once
#include "async/thread_pool.hpp"
#include "base/json.hpp"

#include <memory>
#include <span>
#include <string>

namespace millrace::api {

// Bytes that an io thread reads or digests itself, within half a millisecond: a batch of a thousand small jobs.
inline constexpr std::size_t small_body = 128 * 1024;
inline constexpr std::size_t most_json_containers = 2'000'000; // lists and objects: each takes some hundred bytes

// As parse_json(); unprocessable, before anything is built, when there are more containers than that. The text is
// shared with the pool's thread. What `kept` names is a static table, as for read_json().
awaitable<Result<json::value>> parse_large(async::ThreadPool& pool, std::shared_ptr<const std::string> text,
                                           std::span<const KeptMember> kept = {});

} // namespace millrace::api
