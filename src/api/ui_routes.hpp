// The web UI's own files, open without a key, and the example inputs that it can try models with.
#pragma once
#include "http/router.hpp"

namespace millrace::api {

void add_ui_routes(http::Router& router);

} // namespace millrace::api
