#include "api/openai/openai_routes.hpp"

#include "api/input.hpp"
#include "api/openai/embeddings.hpp"
#include "api/predict/predict_all.hpp"
#include "api/routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace millrace::api {
namespace {

using openai::EmbeddingsRequest;

constexpr std::uint64_t max_body = 32 << 20;
constexpr std::size_t much_text = 64 * 1024; // more is not worked through on an io thread
constexpr std::size_t texts_at_once = 64;    // of one request in the engine, so that it leaves room for others
constexpr auto patience = std::chrono::seconds{120};

json::object model_json(const models::Model& model) {
    return {{"id", model.name},
            {"object", "model"},
            {"created", model.created_at.micros / 1'000'000},
            {"owned_by", "millrace"}};
}

// Its production version gives embeddings.
bool is_embedder(const models::Model& model) {
    const auto* version = model.traffic.production ? model.find(*model.traffic.production) : nullptr;
    return version && version->ready() && openai::embedding_size(*version->manifest);
}

// Those of about one size behind each other, so that they share a pass; as places in `inputs`.
std::vector<std::size_t> by_size(const std::vector<inference::Input>& inputs) {
    std::vector<std::size_t> places(inputs.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::stable_sort(places.begin(), places.end(),
                     [&](auto a, auto b) { return inputs[a].bytes.size() < inputs[b].bytes.size(); });
    return places;
}

struct OpenaiRoutes {
    models::Registry& registry;
    models::Serving& serving;
    async::ThreadPool& pool;

    awaitable<Response> list(Request& request) const {
        json::array data;
        for (const auto& model : registry.list(request.principal.organization))
            if (is_embedder(*model)) data.push_back(model_json(*model));
        co_return http::json(200, json::object{{"object", "list"}, {"data", std::move(data)}});
    }

    awaitable<Response> get(Request& request) const {
        const auto model = registry.find(request.principal.organization, request.parameter("name"));
        if (!model) co_return http::problem(model.error(), request.id);
        if (!is_embedder(**model))
            co_return http::problem(
                {Code::not_found, fmt::format("the model \"{}\" gives no embeddings", (*model)->name)}, request.id);
        co_return http::json(200, model_json(**model));
    }

    awaitable<Response> embed(Request& request) const {
        auto answer = co_await answer_to(request);
        if (!answer) co_return http::problem(answer.error(), request.id);
        co_return http::json_text(200, std::move(*answer));
    }

    awaitable<Result<std::string>> answer_to(const Request& request) const {
        auto body = co_await read_body(*request.body_reader, max_body);
        if (!body) co_return body.error();
        auto parse = [&body] { return openai::parse_embeddings(*body); };
        Result<EmbeddingsRequest> asked{EmbeddingsRequest{}};
        if (body->size() < much_text) asked = parse();
        else asked = co_await pool.run(std::move(parse));
        if (!asked) co_return asked.error();
        const auto chosen = choose(request, *asked);
        if (!chosen) co_return chosen.error();
        auto predictions = co_await predict(*chosen, asked->inputs);
        if (!predictions) co_return predictions.error();
        std::size_t bytes = 0;
        for (const auto& each : *predictions)
            for (const auto& tensor : each.tensors) bytes += tensor.bytes.size();
        auto render = [&asked, &predictions] { return openai::render_embeddings(*asked, *predictions); };
        if (bytes < much_text) co_return render();
        co_return co_await pool.run(std::move(render));
    }

    Result<models::Chosen> choose(const Request& request, const EmbeddingsRequest& asked) const {
        std::optional<std::string_view> version;
        if (asked.model.version) version = *asked.model.version;
        auto chosen = serving.choose(request.principal.organization, asked.model.name, version, request.id);
        if (!chosen) return chosen.error();
        const auto size = openai::embedding_size(*chosen->primary->manifest);
        if (!size)
            return Error{
                Code::invalid_argument,
                fmt::format("the model \"{}\" gives no embeddings: it must take one text and give one vector of FP32",
                            asked.model.name)};
        if (asked.dimensions && *asked.dimensions != *size)
            return Error{Code::invalid_argument,
                         fmt::format("\"dimensions\": the vectors of \"{}\" have {} numbers and are not cut",
                                     asked.model.name, *size)};
        return chosen;
    }

    awaitable<Result<std::vector<inference::Prediction>>> predict(models::Chosen chosen,
                                                                  std::vector<inference::Input>& inputs) const {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        const auto places = by_size(inputs);
        std::vector<inference::Prediction> predictions(inputs.size());
        for (std::size_t begin = 0; begin < places.size(); begin += texts_at_once) {
            const auto end = std::min(begin + texts_at_once, places.size());
            std::vector<models::Call> calls;
            for (auto i = begin; i < end; ++i) {
                auto& call = calls.emplace_back();
                call.chosen = chosen;
                call.input = std::move(inputs[places[i]]);
                call.deadline = deadline;
                call.raw = true;
            }
            auto outcomes = co_await predict_all(serving, std::move(calls));
            for (auto i = begin; i < end; ++i) {
                auto& outcome = outcomes[i - begin];
                if (!outcome) co_return in_place(inference::to_error(outcome.error()), places[i], places.size());
                predictions[places[i]] = std::move(*outcome);
            }
        }
        co_return predictions;
    }

    static Error in_place(Error error, std::size_t place, std::size_t count) {
        if (count > 1) error.detail = fmt::format("input {}: {}", place, error.detail);
        return error;
    }
};

} // namespace

void add_openai_routes(http::Router& router, models::Registry& registry, models::Serving& serving,
                       async::ThreadPool& pool) {
    const auto routes =
        std::make_shared<const OpenaiRoutes>(OpenaiRoutes{registry, serving, pool}); // shared by its handlers
    router.add(
        {Verb::get, "/v1/models", [routes](Request& r) { return routes->list(r); }, {}, Permission::models_read});
    router.add(
        {Verb::get, "/v1/models/{name}", [routes](Request& r) { return routes->get(r); }, {}, Permission::models_read});
    router.add({Verb::post, "/v1/embeddings", [routes](Request& r) { return routes->embed(r); },
                BodyPolicy::streamed(max_body), Permission::predictions_run, takes_query});
}

} // namespace millrace::api
