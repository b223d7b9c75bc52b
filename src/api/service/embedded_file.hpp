// Answers a request with a file that is compiled into the binary: the precompressed form that the client takes,
// ETag and 304.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"

#include <string_view>

namespace millrace::api {

// `path` within embedded/; 404 when there is none.
http::Response embedded_file(std::string_view path, const http::Request& request, std::string_view cache_control);

std::string_view type_of_file(std::string_view path);

} // namespace millrace::api
