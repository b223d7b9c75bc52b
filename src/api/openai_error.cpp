#include "api/openai_error.hpp"

#include "base/json.hpp"

namespace millrace::api::openai {
namespace {

// A wrong argument is 400 there, whatever is wrong with it. Its clients try 408, 409, 429 and 5xx again.
unsigned status_there(unsigned status) {
    switch (status) {
    case 409:
    case 415:
    case 422: return 400;
    case 507: return 500;
    default: return status;
    }
}

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
    if (request.path != "/v1" && !request.path.starts_with("/v1/")) return;
    const auto* type = response.find("Content-Type");
    auto* body = std::get_if<std::string>(&response.body);
    if (!type || *type != "application/problem+json" || !body) return;
    const auto problem = json::parse(*body).as_object();
    response.status = status_there(response.status);
    *body = json::serialize(json::object{{"error",
                                          {{"message", problem.at("detail")},
                                           {"type", type_of(response.status)},
                                           {"param", nullptr},
                                           {"code", code_of(response.status, request.path)}}}});
    response.set("Content-Type", "application/json");
}

} // namespace millrace::api::openai
