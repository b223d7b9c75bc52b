#include "api/inference_protocol_error.hpp"

#include "base/json.hpp"

namespace millrace::api::protocol {
namespace {

// A wrong argument is 400 there, whatever is wrong with it, and what was too slow may be tried again.
unsigned status_there(unsigned status) {
    switch (status) {
    case 409:
    case 415:
    case 422: return 400;
    case 504: return 503;
    case 507: return 500;
    default: return status;
    }
}

} // namespace

void speak_protocol(const http::Request& request, http::Response& response) {
    if (request.path != "/v2" && !request.path.starts_with("/v2/")) return;
    const auto* type = response.find("Content-Type");
    auto* body = std::get_if<std::string>(&response.body);
    if (!type || *type != "application/problem+json" || !body) return;
    const auto problem = json::parse(*body).as_object();
    *body = json::serialize(json::object{{"error", problem.at("detail")}});
    response.status = status_there(response.status);
    response.set("Content-Type", "application/json");
}

} // namespace millrace::api::protocol
