// Flows as people read them.
#pragma once
#include "base/json.hpp"
#include "cli/context.hpp"

#include <string>
#include <vector>

namespace millrace::cli {

void print_flows(Context& context, const json::value& page);
void print_flow(Context& context, const json::value& flow);

// "50% · 4 jobs, 2 succeeded, 0 failed, 2 open".
std::string progress_text(const json::value& flow);

// The graph as an indented tree, a line a job. A job with several parents stands below the first of them, and is only
// named below the others. Pure.
std::vector<std::string> flow_tree(const json::value& flow);

} // namespace millrace::cli
