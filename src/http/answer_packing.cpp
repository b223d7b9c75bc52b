#include "http/answer_packing.hpp"

#include "http/content_coding.hpp"

#include <memory>

namespace millrace::http {
namespace {

constexpr std::size_t worth_packing = 1024;
constexpr std::size_t small_body = 32 * 1024; // bytes that an io thread packs itself, within half a millisecond

} // namespace

bool may_be_packed(const Request& request, const Response& response) {
    const auto* body = std::get_if<std::string>(&response.body);
    if (!body || body->size() < worth_packing || response.status != 200) return false;
    if (request.method != Verb::get && request.method != Verb::head) return false;
    const auto* type = response.find("Content-Type");
    return type && type->starts_with("application/json") && !response.find("Content-Encoding");
}

awaitable<void> pack_answer(const Request& request, Response& response, async::ThreadPool& pool) {
    if (!response.find("Vary")) response.set("Vary", "Accept-Encoding");
    const auto accepted = request.header("Accept-Encoding");
    if (accepted.empty() || accepted_coding(accepted) != Coding::gzip) co_return;
    auto& body = std::get<std::string>(response.body);
    if (body.size() <= small_body) {
        body = pack(body, Coding::gzip);
    } else {
        // Shared with a thread that may still pack when the session's frame is gone.
        const auto whole = std::make_shared<const std::string>(std::move(body));
        auto work = [whole]() -> Result<std::string> { return pack(*whole, Coding::gzip); };
        auto packed = co_await pool.run(std::move(work));
        if (!packed) {
            response.body = *whole;
            co_return;
        }
        response.body = std::move(*packed);
    }
    response.set("Content-Encoding", "gzip");
    if (const auto* tag = response.find("ETag"); tag && !tag->starts_with("W/")) response.set("ETag", "W/" + *tag);
}

} // namespace millrace::http
