// Queues as people read them.
#pragma once
#include "base/json.hpp"
#include "cli/context.hpp"

namespace millrace::cli {

void print_queues(Context& context, const json::value& page);
void print_queue(Context& context, const json::value& queue);

} // namespace millrace::cli
