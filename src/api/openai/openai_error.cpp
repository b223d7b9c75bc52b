#include "api/openai/openai_error.hpp"

#include "api/problem_form.hpp"

namespace millrace::api::openai {
namespace {

std::string_view type_of(unsigned status) {
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
    }
}

json::value code_of(unsigned status, std::string_view path) {
    if (status == 401) return "invalid_api_key";
    if (status == 404 && (path == "/v1/embeddings" || path.starts_with("/v1/models/"))) return "model_not_found";
    return nullptr;
}

} // namespace

void speak_openai(const http::Request& request, http::Response& response) {
    const auto detail = problem_detail(request, response, "/v1");
    if (!detail) return;
    const auto status = plain_status(response.status); // its clients try 408, 409, 429 and 5xx again
    replace_problem(response, status,
                    {{"error",
                      {{"message", *detail},
                       {"type", type_of(status)},
                       {"param", nullptr},
                       {"code", code_of(status, request.path)}}}});
}

} // namespace millrace::api::openai
