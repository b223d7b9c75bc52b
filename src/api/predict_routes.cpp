#include "api/predict_routes.hpp"

#include "api/input.hpp"
#include "api/routing.hpp"
#include "processors/infer/prediction_files.hpp"

#include <fmt/format.h>

namespace millrace::api {
namespace {

constexpr std::uint64_t max_predict_bytes = 64 << 20;
constexpr std::size_t longest_sticky_key = 256;
constexpr auto predict_patience = std::chrono::seconds{30};

struct PredictRoutes {
    models::Serving& serving;
    blobs::BlobStore& blobs;
    catalog::BlobCatalog& catalog;

    // Without a key each request is on its own: its id, which the client may have given it.
    Result<models::Chosen> choose(const Request& request) const {
        auto key = request.header("X-Sticky-Key");
        if (key.size() > longest_sticky_key)
            return Error{Code::invalid_argument, fmt::format("X-Sticky-Key has more than {} characters", longest_sticky_key)};
        if (key.empty()) key = request.id;
        return serving.choose(request.principal.organization, request.parameter("name"), request.query.find("version"), key);
    }

    awaitable<Response> predict(Request& request) const {
        auto chosen = choose(request);
        if (!chosen) co_return http::problem(chosen.error(), request.id);
        models::Call call;
        call.input.media_type = media_type(request.header("Content-Type"));
        call.deadline = std::chrono::steady_clock::now() + predict_patience;
        auto body = co_await read_body(*request.body_reader, std::min(max_predict_bytes, chosen->primary->manifest->max_input_bytes));
        if (!body) co_return http::problem(body.error(), request.id);
        call.input.bytes = std::move(*body);
        // Chosen again, for the body may have been long on its way.
        chosen = choose(request);
        if (!chosen) co_return http::problem(chosen.error(), request.id);
        call.chosen = std::move(*chosen);

        auto predicted = co_await serving.predict(std::move(call));
        if (!predicted) co_return http::problem(inference::to_error(predicted.error()), request.id);
        auto files = co_await processors::store_files(blobs, *predicted);
        if (!files) co_return http::problem(files.error(), request.id);
        const auto organization = request.principal.organization;
        for (const auto& file : *files)
            if (auto added = co_await catalog.add(organization, file.blob, file.media_type); !added) co_return http::problem(added.error(), request.id);
        co_return http::json(200, predicted->result);
    }
};

} // namespace

void add_predict_routes(http::Router& router, models::Serving& serving, blobs::BlobStore& blobs, catalog::BlobCatalog& catalog) {
    const auto routes = std::make_shared<const PredictRoutes>(PredictRoutes{serving, blobs, catalog}); // shared by its handler
    router.add({Verb::post, "/api/v1/models/{name}/predict", [routes](Request& r) { return routes->predict(r); },
                BodyPolicy::streamed(max_predict_bytes), Role::submitter});
}

} // namespace millrace::api
