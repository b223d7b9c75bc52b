#include "api/blobs/blob_routes.hpp"

#include "api/file_answer.hpp"
#include "api/input.hpp"
#include "api/routing.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

// The digest that the sender announces: X-Content-SHA256 in hex, or Content-Digest (RFC 9530).
Result<std::optional<std::string>> announced_digest(const Request& request) {
    if (const auto text = request.header("X-Content-SHA256"); !text.empty()) {
        if (!is_sha256_hex(text))
            return Error{Code::invalid_argument, "X-Content-SHA256 must be 64 lower-case hex digits"};
        return std::optional<std::string>{text};
    }
    auto text = request.header("Content-Digest");
    if (text.empty()) return std::optional<std::string>{};
    constexpr std::string_view opening = "sha-256=:";
    const auto at = text.find(opening);
    if (at == std::string_view::npos) return std::optional<std::string>{}; // another algorithm: not ours to check
    text.remove_prefix(at + opening.size());
    const auto bytes = from_base64(text.substr(0, text.find(':')));
    if (!bytes || bytes->size() != 32)
        return Error{Code::invalid_argument, "Content-Digest must be sha-256=:<base64>:"};
    return std::optional<std::string>{hex(*bytes)};
}

struct BlobRoutes {
    blobs::BlobStore& blobs;
    catalog::BlobCatalog& catalog;
    catalog::BlobSweeper& sweeper;
    std::uint64_t limit;

    awaitable<Response> put(Request& request) const {
        auto expected = announced_digest(request);
        if (!expected) co_return http::problem(expected.error(), request.id);
        // Chosen before it is passed: GCC 12 destroys a conditional's temporary in a co_await expression twice.
        std::string type{request.header("Content-Type")};
        if (type.empty()) type = "application/octet-stream";
        auto blob = co_await store_body(*request.body_reader, blobs, limit, std::move(*expected));
        if (!blob) co_return http::problem(blob.error(), request.id);
        co_return co_await keep(request, *blob, type);
    }

    awaitable<Response> post(Request& request) const {
        auto form = http::MultipartReader::open(request.header("Content-Type"), *request.body_reader);
        if (!form) co_return http::problem(form.error(), request.id);
        auto part = co_await form->next();
        if (!part) co_return http::problem(part.error(), request.id);
        if (!*part) co_return http::problem({Code::unprocessable, "the form needs one file part"}, request.id);
        const std::string type = (*part)->content_type;
        auto blob = co_await store_part(*form, blobs, limit);
        if (!blob) co_return http::problem(blob.error(), request.id);
        auto another = co_await form->next();
        if (!another) co_return http::problem(another.error(), request.id);
        if (*another)
            co_return http::problem({Code::unprocessable, "the form must have one part only; send each blob by itself"},
                                    request.id);
        co_return co_await keep(request, *blob, type);
    }

    awaitable<Response> keep(Request& request, values::BlobRef blob, std::string type) const {
        const auto added = co_await catalog.add(request.principal.organization, blob, std::string{media_type(type)},
                                                {catalog::Kept::For::user});
        if (!added) co_return http::problem(added.error(), request.id);
        auto response = http::json(201, json::object{{"sha256", blob.sha256}, {"size", blob.size}, {"tier", "hot"}});
        response.set("Location", "/api/v1/blobs/" + blob.sha256);
        co_return response;
    }

    awaitable<Response> get(Request& request) const {
        const std::string sha256{request.parameter("sha256")};
        const Error missing{Code::not_found, fmt::format("there is no blob {}", sha256)};
        if (!is_sha256_hex(sha256)) co_return http::problem(missing, request.id);
        auto row = co_await catalog.find(request.principal.organization, sha256);
        if (!row) co_return http::problem(row.error(), request.id);
        if (!*row) co_return http::problem(missing, request.id);
        const FileOffer offer{sha256, (*row)->blob.size, (*row)->media_type, sha256};
        if (auto answer = answer_without_file(request, offer)) co_return std::move(*answer);
        auto opened = co_await open_for_answer(blobs, sha256, offer.size);
        if (!opened) co_return http::problem(opened.error(), request.id);
        if (!*opened)
            co_return http::problem({Code::internal, fmt::format("the file of blob {} is missing", sha256)},
                                    request.id);
        co_return answer_with_file(request, offer, std::move((*opened)->file), blobs);
    }

    // This organisation's, and the file when nobody else has it. The row is what decides: once that is gone the answer
    // is 204.
    awaitable<Response> remove(Request& request) const {
        const std::string sha256{request.parameter("sha256")};
        if (!is_sha256_hex(sha256))
            co_return http::problem({Code::not_found, fmt::format("there is no blob {}", sha256)}, request.id);
        const auto removed = co_await catalog.remove(request.principal.organization, sha256);
        if (!removed) co_return http::problem(removed.error(), request.id);
        co_await sweeper.remove_file(sha256);
        co_return http::empty(204);
    }
};

} // namespace

void add_blob_routes(http::Router& router, blobs::BlobStore& blobs, catalog::BlobCatalog& catalog,
                     catalog::BlobSweeper& sweeper, std::uint64_t max_upload_bytes) {
    const auto routes = std::make_shared<const BlobRoutes>(
        BlobRoutes{blobs, catalog, sweeper, max_upload_bytes}); // shared by its handlers
    router.add({Verb::put, "/api/v1/blobs", [routes](Request& r) { return routes->put(r); },
                BodyPolicy::streamed(max_upload_bytes), Permission::blobs_write});
    router.add({Verb::post, "/api/v1/blobs", [routes](Request& r) { return routes->post(r); },
                BodyPolicy::streamed(max_upload_bytes), Permission::blobs_write});
    router.add({Verb::get,
                "/api/v1/blobs/{sha256}",
                [routes](Request& r) { return routes->get(r); },
                {},
                Permission::blobs_read});
    router.add({Verb::delete_,
                "/api/v1/blobs/{sha256}",
                [routes](Request& r) { return routes->remove(r); },
                {},
                Permission::blobs_manage});
}

} // namespace millrace::api
