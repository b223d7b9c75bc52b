// /api/v1/dead-letters: jobs that failed for good, until somebody replays or purges them.
#pragma once
#include "http/router.hpp"
#include "jobs/dead_letters.hpp"

namespace millrace::api {

void add_dead_letter_routes(http::Router& router, jobs::DeadLetters& dead_letters, const Clock& clock); // borrowed

} // namespace millrace::api
