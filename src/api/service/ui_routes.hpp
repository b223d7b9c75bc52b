// The web UI's own files, open without a key, and the example inputs that it can try models with.
#pragma once
#include "http/response.hpp"
#include "http/router.hpp"

namespace millrace::api {

void add_ui_routes(http::Router& router);

// For http::Hooks::before_send: a browser that asks for a page that is not there gets the UI, which says so and leads
// on, with the 404. Programs, and whatever is asked of the API, get the problem document as ever.
void show_page(const http::Request& request, http::Response& response);

} // namespace millrace::api
