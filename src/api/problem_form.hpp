// What interfaces share whose clients expect failures in another form than problem documents. Pure.
#pragma once
#include "base/json.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <optional>
#include <string_view>

namespace millrace::api {

// The detail of the problem document that answers a request for `root` or a path below it; nullopt for any other
// answer.
std::optional<json::value> problem_detail(const http::Request& request, const http::Response& response,
                                          std::string_view root);

// The status of a problem for clients that know one for each kind of blame: 400 for a wrong argument, whatever is wrong
// with it, and 500 for the server's own trouble. The others stay as they are.
unsigned plain_status(unsigned status);

void replace_problem(http::Response& response, unsigned status, const json::object& body);

} // namespace millrace::api
