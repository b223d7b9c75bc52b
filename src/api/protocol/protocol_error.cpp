#include "api/protocol/protocol_error.hpp"

#include "api/problem_form.hpp"

namespace millrace::api::protocol {

void speak_protocol(const http::Request& request, http::Response& response) {
    const auto detail = problem_detail(request, response, "/v2");
    if (!detail) return;
    const unsigned status =
        response.status == 504 ? 503 : plain_status(response.status); // what was too slow may be tried again
    replace_problem(response, status, {{"error", *detail}});
}

} // namespace millrace::api::protocol
