// What `millrace top` shows, as lines. Pure.
#pragma once
#include "base/clock.hpp"
#include "base/json.hpp"

#include <string>
#include <vector>

namespace millrace::cli {

struct TopData {
    json::value status, queues, running; // of /api/v1/status, /api/v1/queues and /api/v1/jobs?state=running
    std::string problem;                 // why they are old; empty: they are not
};

// Cut to `width` columns and `height` lines; 0: not cut.
std::vector<std::string> top_lines(const TopData& data, std::size_t width, std::size_t height, Timestamp now);

} // namespace millrace::cli
