#include "api/idempotency.hpp"

#include "api/large_json.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"

#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

namespace millrace::api {
namespace {

// With the digest still to be made; nullopt without a key.
Result<std::optional<jobs::IdempotentRequest>> read_key(const http::Request& request) {
    if (!request.headers.has("Idempotency-Key")) return std::optional<jobs::IdempotentRequest>{};
    const auto key = idempotency_key(request.header("Idempotency-Key"));
    if (!key) return Error{Code::invalid_argument, "an Idempotency-Key has 1 to 255 characters"};
    const auto verb = boost::beast::http::to_string(request.method);
    return std::optional{
        jobs::IdempotentRequest{std::string{*key},
                                {},
                                fmt::format("{} {}", std::string_view{verb.data(), verb.size()}, request.path),
                                request.principal.actor}};
}

} // namespace

std::optional<std::string_view> idempotency_key(std::string_view header) {
    if (header.size() >= 2 && header.front() == '"' && header.back() == '"')
        header = header.substr(1, header.size() - 2);
    return header.empty() || header.size() > 255 ? std::nullopt : std::optional{header};
}

Result<std::optional<jobs::IdempotentRequest>> idempotency(const http::Request& request, std::string_view payload) {
    auto key = read_key(request);
    if (key && *key) (*key)->payload_sha256 = hex(sha256(payload));
    return key;
}

awaitable<Result<std::optional<jobs::IdempotentRequest>>> idempotency(async::ThreadPool& pool,
                                                                      const http::Request& request,
                                                                      std::shared_ptr<const std::string> body) {
    if (body->size() < small_body) co_return idempotency(request, *body);
    auto key = read_key(request);
    if (!key || !*key) co_return key;
    auto work = [body = std::move(body)] { return Result<std::string>{hex(sha256(*body))}; };
    auto digest = co_await pool.run(std::move(work));
    if (!digest) co_return digest.error();
    (*key)->payload_sha256 = std::move(*digest);
    co_return key;
}

} // namespace millrace::api
