#include "api/input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace millrace::api {
namespace {

constexpr std::size_t first_piece = 64 * 1024; // of a body, before more has come

} // namespace

Result<int> page_limit(const http::Query& query) {
    const auto text = query.find("limit");
    if (!text) return 50;
    int limit = 0;
    const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (failure != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > 1000)
        return Error{Code::invalid_argument, "limit must be a number from 1 to 1000"};
    return limit;
}

bool is_measurement(const http::Request& request) { return request.header("X-Measurement") == "true"; }

std::string_view media_type(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    return type;
}

awaitable<Result<std::string>> read_up_to(http::BodyReader& body, std::size_t most) {
    std::string out(std::min(most, first_piece), '\0'); // memory follows what has come, not what is announced
    std::size_t size = 0;
    while (size < most) {
        if (size == out.size()) out.resize(std::min(2 * size, most));
        const auto got = co_await body.read(std::as_writable_bytes(std::span{out.data() + size, out.size() - size}));
        if (!got) co_return got.error();
        if (*got == 0) break;
        size += *got;
    }
    out.resize(size);
    co_return out;
}

awaitable<Result<std::string>> read_body(http::BodyReader& body, std::size_t max) {
    const Error too_large{Code::too_large, fmt::format("the body may have {} bytes at most", max)};
    const auto announced = body.length();
    if (announced && *announced > max) co_return too_large;
    auto text = co_await read_up_to(body, announced ? static_cast<std::size_t>(*announced) : max + 1);
    if (text && text->size() > max) co_return too_large;
    co_return text;
}

awaitable<Result<json::value>> read_json(http::Request& request, std::span<const KeptMember> kept) {
    const auto type = media_type(request.header("Content-Type"));
    if (!http::equal_ignoring_case(type, "application/json"))
        co_return Error{Code::unsupported_type, "send JSON with Content-Type: application/json"};
    if (!request.body_reader) co_return parse_json(request.body, kept);
    const auto body = co_await read_body(*request.body_reader, max_json_bytes);
    if (!body) co_return body.error();
    co_return parse_json(*body, kept);
}

awaitable<Result<json::object>> read_optional_object(http::Request& request, std::span<const KeptMember> kept) {
    if (request.body.empty()) co_return json::object{};
    auto document = co_await read_json(request, kept);
    if (!document) co_return document.error();
    auto* object = document->if_object();
    if (!object) co_return Error{Code::unprocessable, "the body must be a JSON object, or empty"};
    co_return std::move(*object);
}

awaitable<Result<values::BlobRef>> store_body(http::BodyReader& body, blobs::BlobStore& blobs, std::uint64_t limit,
                                              std::optional<std::string> expected_sha256) {
    auto upload = blobs.begin_upload(limit);
    std::vector<std::byte> piece(64 * 1024);
    for (;;) {
        auto got = co_await body.read(piece);
        if (!got) co_return got.error();
        if (*got == 0) break;
        auto written = co_await upload.write(std::span{piece.data(), *got});
        if (!written) co_return written.error();
    }
    co_return co_await upload.finish(std::move(expected_sha256));
}

awaitable<Result<values::BlobRef>> store_part(http::MultipartReader& form, blobs::BlobStore& blobs,
                                              std::uint64_t limit) {
    auto upload = blobs.begin_upload(limit);
    for (;;) {
        auto piece = co_await form.read();
        if (!piece) co_return piece.error();
        if (piece->empty()) break;
        auto written = co_await upload.write(*piece);
        if (!written) co_return written.error();
    }
    co_return co_await upload.finish();
}

} // namespace millrace::api
