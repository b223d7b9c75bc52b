#include "api/predict/predict_routes.hpp"

#include "api/input.hpp"
#include "api/predict/predict_input.hpp"
#include "api/routing.hpp"
#include "processors/prediction_files.hpp"
#include "values/npy.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::api {
namespace {

constexpr std::uint64_t max_predict_bytes = 64 << 20;
constexpr std::size_t longest_sticky_key = 256;
constexpr auto predict_patience = std::chrono::seconds{30};

enum class Form { json, npy, png };

// The first of the media types that is more than "anything".
Form wanted_form(std::string_view accept) {
    while (!accept.empty()) {
        const auto comma = std::min(accept.find(','), accept.size());
        auto type = media_type(accept.substr(0, comma));
        accept.remove_prefix(std::min(comma + 1, accept.size()));
        while (type.starts_with(' ')) type.remove_prefix(1);
        if (http::equal_ignoring_case(type, "application/x-npy")) return Form::npy;
        if (http::equal_ignoring_case(type, "image/png")) return Form::png;
        if (http::equal_ignoring_case(type, "application/json")) return Form::json;
    }
    return Form::json;
}

Response not_acceptable(const Request& request, std::string_view detail) {
    return http::problem(406, "not-acceptable", "Not Acceptable", detail, request.id);
}

// A quarantine has a type of its own, for a program that would rather send something else than try again.
Response problem_of(const inference::Failure& failure, const Request& request) {
    if (failure.reason != inference::FailureReason::quarantined)
        return http::problem(inference::to_error(failure), request.id);
    auto response = http::problem(503, "quarantined", "In quarantine", failure.message, request.id);
    response.set("Retry-After", std::to_string(std::max(1, failure.retry_after_seconds)));
    return response;
}

Response answer_npy(const Request& request, const inference::Prediction& prediction) {
    if (prediction.tensors.empty())
        return not_acceptable(request, "the model gave no tensor; ask for application/json");
    const auto& first = prediction.tensors.front();
    Response response;
    response.body = values::write_npy(first.datatype, first.shape, first.bytes);
    response.set("Content-Type", "application/x-npy");
    return response;
}

Response answer_png(const Request& request, inference::Prediction& prediction) {
    const auto file = std::find_if(prediction.files.begin(), prediction.files.end(),
                                   [](const auto& each) { return each.media_type == "image/png"; });
    if (file == prediction.files.end())
        return not_acceptable(request, "this model draws no picture; ask for application/json");
    Response response;
    response.body = std::move(file->bytes);
    response.set("Content-Type", "image/png");
    return response;
}

// Answers that are no JSON say in their head who has made them.
Response signed_by(Response response, const models::Chosen& chosen, const inference::Prediction& prediction) {
    const auto said = [&](std::string_view member, const std::string& otherwise) {
        const auto* text = prediction.result.if_contains(member);
        return text && text->is_string() ? std::string{text->get_string()} : otherwise;
    };
    response.set("X-Model", said("model", chosen.primary->name))
        .set("X-Model-Version", said("model_version", chosen.primary->version));
    if (prediction.result.contains("fallback")) response.set("X-Fallback", "true");
    return response;
}

struct PredictRoutes {
    models::Serving& serving;
    blobs::BlobStore& blobs;
    catalog::BlobCatalog& catalog;
    std::chrono::hours keep_files; // 0: for good
    const Clock& clock;

    // Without a key each request is on its own: its id, which the client may have given it.
    Result<models::Chosen> choose(const Request& request) const {
        auto key = request.header("X-Sticky-Key");
        if (key.size() > longest_sticky_key)
            return Error{Code::invalid_argument,
                         fmt::format("X-Sticky-Key has more than {} characters", longest_sticky_key)};
        if (key.empty()) key = request.id;
        for (const auto& [name, value] : request.query)
            if (name != "version")
                return Error{Code::invalid_argument,
                             fmt::format("there is no parameter \"{}\"; a prediction takes `version`", name)};
        return serving.choose(request.principal.organization, request.parameter("name"), request.query.find("version"),
                              key);
    }

    awaitable<Response> predict(Request& request) const {
        auto chosen = choose(request);
        if (!chosen) co_return http::problem(chosen.error(), request.id);
        models::Call call;
        call.deadline = std::chrono::steady_clock::now() + predict_patience;
        auto input = co_await read_predict_input(request, std::min(max_predict_bytes, chosen->max_input_bytes()));
        if (!input) co_return http::problem(input.error(), request.id);
        call.input = std::move(*input);
        // Chosen again, for the body may have been long on its way.
        chosen = choose(request);
        if (!chosen) co_return http::problem(chosen.error(), request.id);
        call.chosen = *chosen;
        call.measured = is_measurement(request);
        const auto form = wanted_form(request.header("Accept"));
        call.raw = form == Form::npy;

        auto predicted = co_await serving.predict(std::move(call));
        if (!predicted) co_return problem_of(predicted.error(), request);
        if (form == Form::npy) co_return signed_by(answer_npy(request, *predicted), *chosen, *predicted);
        if (form == Form::png) co_return signed_by(answer_png(request, *predicted), *chosen, *predicted);
        co_return co_await answer_json(request, std::move(*predicted));
    }

    awaitable<Response> answer_json(Request& request, inference::Prediction prediction) const {
        auto files = co_await processors::store_files(blobs, prediction, blobs::Purpose::upload);
        if (!files) co_return http::problem(files.error(), request.id);
        const auto organization = request.principal.organization;
        catalog::Kept kept;
        if (keep_files.count() > 0) kept = {catalog::Kept::For::prediction, clock.now() + keep_files};
        for (const auto& file : *files) {
            const auto added = co_await catalog.add(organization, file.blob, file.media_type, kept);
            if (!added) co_return http::problem(added.error(), request.id);
        }
        co_return http::json(200, prediction.result);
    }
};

} // namespace

void add_predict_routes(http::Router& router, models::Serving& serving, blobs::BlobStore& blobs,
                        catalog::BlobCatalog& catalog, std::chrono::hours keep_files, const Clock& clock) {
    const auto routes = std::make_shared<const PredictRoutes>(
        PredictRoutes{serving, blobs, catalog, keep_files, clock}); // shared by its handler
    router.add({Verb::post, "/api/v1/models/{name}/predict", [routes](Request& r) { return routes->predict(r); },
                BodyPolicy::streamed(max_predict_bytes), Permission::predictions_run, takes_query});
}

} // namespace millrace::api
