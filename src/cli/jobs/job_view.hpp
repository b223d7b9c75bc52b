// Jobs as people read them.
#pragma once
#include "base/json.hpp"
#include "cli/context.hpp"

namespace millrace::cli {

bool is_ended(const json::value& job); // succeeded, dead, cancelled or expired
void print_jobs(Context& context, const json::value& page);
void print_dead_letters(Context& context, const json::value& page);
void print_job(Context& context, const json::value& job);
void print_why(Context& context, const json::value& why);

} // namespace millrace::cli
