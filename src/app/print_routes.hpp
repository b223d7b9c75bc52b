// `millrace routes`: every route of the HTTP API, one a line as "VERB PATTERN ROLE", for the test that holds the
// OpenAPI document against the router.
#pragma once

namespace millrace::app {

int print_routes(); // builds a daemon on a temporary folder, without starting it; the exit code

} // namespace millrace::app
