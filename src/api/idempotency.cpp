#include "api/idempotency.hpp"

#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

namespace millrace::api {

std::optional<std::string_view> idempotency_key(std::string_view header) {
    if (header.size() >= 2 && header.front() == '"' && header.back() == '"')
        header = header.substr(1, header.size() - 2);
    return header.empty() || header.size() > 255 ? std::nullopt : std::optional{header};
}

Result<std::optional<jobs::IdempotentRequest>> idempotency(const http::Request& request, std::string_view payload) {
    if (!request.headers.has("Idempotency-Key")) return std::optional<jobs::IdempotentRequest>{};
    const auto key = idempotency_key(request.header("Idempotency-Key"));
    if (!key) return Error{Code::invalid_argument, "an Idempotency-Key has 1 to 255 characters"};
    const auto verb = boost::beast::http::to_string(request.method);
    return std::optional{jobs::IdempotentRequest{
        std::string{*key}, hex(sha256(payload)),
        fmt::format("{} {}", std::string_view{verb.data(), verb.size()}, request.path), request.principal.actor}};
}

} // namespace millrace::api
