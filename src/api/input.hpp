// Reading what came with a request: ids in paths, numbers in queries, bodies and uploaded files.
#pragma once
#include "base/json.hpp"
#include "blobs/blob_store.hpp"
#include "http/multipart.hpp"
#include "http/request.hpp"

#include <string>
#include <string_view>

namespace millrace::api {

inline constexpr std::size_t max_json_bytes = 1 << 20;

// not_found when the path's {id} is no id: such a thing cannot exist.
template <class AnId>
Result<AnId> path_id(const http::Request& request, std::string_view what) {
    if (const auto id = AnId::parse(request.parameter("id"))) return *id;
    return Error{Code::not_found, "there is no " + std::string{what} + " " + std::string{request.parameter("id")}};
}

// The value of ?limit=, 50 unless given; invalid_argument outside 1-1000.
Result<int> page_limit(const http::Query& query);

// "application/json" of "application/json; charset=utf-8".
std::string_view media_type(std::string_view content_type);

// Whether it measures (`millrace model bench`) rather than works: its predictions are answered as any, and counted
// nowhere that versions are compared or judged by.
bool is_measurement(const http::Request& request);

// What comes next of a streamed body, `most` bytes at most: fewer where the body ends. Whatever length is announced,
// the memory is twice what has come.
awaitable<Result<std::string>> read_up_to(http::BodyReader& body, std::size_t most);
// The whole streamed body; too_large past `max`.
awaitable<Result<std::string>> read_body(http::BodyReader& body, std::size_t max);
// A JSON body: checks the content type too. What `kept` names is a static table: it must outlive the call.
awaitable<Result<json::value>> read_json(http::Request& request, std::span<const KeptMember> kept = {});
// Of a route with BodyPolicy::buffered that can do without a body: {} when there is none.
awaitable<Result<json::object>> read_optional_object(http::Request& request, std::span<const KeptMember> kept = {});

// Streams a request's body, or one part of a form, into the blob store.
awaitable<Result<values::BlobRef>> store_body(http::BodyReader& body, blobs::BlobStore& blobs, std::uint64_t limit,
                                              std::optional<std::string> expected_sha256);
awaitable<Result<values::BlobRef>> store_part(http::MultipartReader& form, blobs::BlobStore& blobs,
                                              std::uint64_t limit);

} // namespace millrace::api
