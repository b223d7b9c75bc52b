// The id of a job, as people give it: whole, or as many characters of its beginning as tell it from the others.
#pragma once
#include "cli/client.hpp"

#include <string>

namespace millrace::cli {

// Asks the daemon for the whole id of a shortened one. Throws Failure{failed} when there is none or there are several.
// What cannot be the beginning of an id stays as it is, for the daemon to refuse.
std::string whole_job_id(const Client& client, const std::string& text);

} // namespace millrace::cli
