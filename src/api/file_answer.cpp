#include "api/file_answer.hpp"

#include "api/etag.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

using http::Response;

std::string tag_of(const FileOffer& offer) { return "\"" + offer.sha256 + "\""; }

Response dressed(Response response, const FileOffer& offer) {
    response.set("ETag", tag_of(offer))
        .set("Cache-Control", "private, max-age=2592000, immutable")
        .set("Accept-Ranges", "bytes");
    // What strangers stored is never a page of this origin.
    response.set("Content-Type", offer.content_type)
        .set("Content-Disposition", "attachment; filename=\"" + offer.name + "\"");
    response.set("Content-Security-Policy", "sandbox");
    return response;
}

} // namespace

std::optional<Response> answer_without_file(const http::Request& request, const FileOffer& offer) {
    if (etag_matches(request.header("If-None-Match"), tag_of(offer))) return dressed(http::empty(304), offer);
    if (choose_range(request.header("Range"), offer.size).verdict != RangeVerdict::unsatisfiable) return std::nullopt;
    auto response = http::problem(416, "range-not-satisfiable", "Range Not Satisfiable",
                                  fmt::format("the file has {} bytes", offer.size), request.id);
    response.set("Content-Range", fmt::format("bytes */{}", offer.size));
    return response;
}

Response answer_with_file(const http::Request& request, const FileOffer& offer, Descriptor file,
                          blobs::BlobStore& store) {
    const auto answer = choose_range(request.header("Range"), offer.size);
    const bool part = answer.verdict == RangeVerdict::part;
    http::Checksum checksum{offer.sha256, offer.size,
                            [&store, sha256 = offer.sha256](bool sound) { store.report(sha256, sound); }};
    Response response{part ? 206u : 200u,
                      {},
                      http::FileBody{file.release(), answer.range.first, answer.range.length, std::move(checksum)}};
    if (part)
        response.set("Content-Range", fmt::format("bytes {}-{}/{}", answer.range.first,
                                                  answer.range.first + answer.range.length - 1, offer.size));
    return dressed(std::move(response), offer);
}

awaitable<Result<std::optional<blobs::OpenBlob>>> open_for_answer(blobs::BlobStore& store, std::string sha256,
                                                                  std::uint64_t size) {
    if (store.is_damaged(sha256)) return store.open_verified_async(std::move(sha256), size);
    return store.open_async(std::move(sha256), size);
}

} // namespace millrace::api
