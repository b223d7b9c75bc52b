// A job as it goes on, line by line, to its end.
#pragma once
#include "cli/client.hpp"

#include <string>

namespace millrace::cli {

// Prints each change as the daemon tells of it. Exit 0 when the job succeeded, 1 when it did not. A restart of the
// daemon is waited out.
int tail_job(Context& context, const Client& client, const std::string& id);

} // namespace millrace::cli
