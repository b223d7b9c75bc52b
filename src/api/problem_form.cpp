#include "api/problem_form.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"

namespace millrace::api {

std::optional<json::value> problem_detail(const http::Request& request, const http::Response& response,
                                          std::string_view root) {
    const std::string_view path = request.path;
    if (!path.starts_with(root) || (path.size() > root.size() && path[root.size()] != '/')) return std::nullopt;
    const auto* type = response.find("Content-Type");
    const auto* body = std::get_if<std::string>(&response.body);
    if (!type || *type != "application/problem+json" || !body) return std::nullopt;
    return parse_json(*body).value().as_object().at("detail");
}

unsigned plain_status(unsigned status) {
    switch (status) {
    case 409:
    case 415:
    case 422: return 400;
    case 507: return 500;
    default: return status;
    }
}

void replace_problem(http::Response& response, unsigned status, const json::object& body) {
    response.body = millrace::json_text(body);
    response.status = status;
    response.set("Content-Type", "application/json");
}

} // namespace millrace::api
