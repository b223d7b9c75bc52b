// Many jobs from a file of JSON lines, sent a thousand at a time.
#pragma once
#include "cli/context.hpp"

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace millrace::cli {

// The lines of one call.
struct Chunk {
    std::string body;                 // {"jobs":[…]}
    std::vector<std::uint64_t> lines; // the number in the file of each job
};

// Cuts the lines into chunks that the daemon takes, and hands each to `send`. Empty lines are passed over. Throws
// Failure{failed} with the number of a line that is no JSON object; what was sent before stays.
void each_chunk(std::istream& lines, const std::function<void(Chunk)>& send);

// `job batch FILE`: exit 1 when any job was refused. With an idempotency key the same file may be sent again:
// each call has a key of its own made from it.
int submit_batch(Context& context, const std::string& file, const std::string& idempotency_key);

} // namespace millrace::cli
