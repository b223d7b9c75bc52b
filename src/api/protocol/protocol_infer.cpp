#include "api/protocol/protocol_infer.hpp"

#include "api/input.hpp"
#include "api/predict/predict_all.hpp"
#include "api/protocol/protocol_input.hpp"
#include "http/content_coding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::api {
namespace {

using http::Coding;
using protocol::InferRequest;

constexpr std::uint64_t max_infer_json = 64 << 20;
constexpr std::size_t longest_sticky_key = 256;
constexpr std::size_t much_text = 64 * 1024; // more is not worked through on an io thread
constexpr auto patience = std::chrono::seconds{30};

Error too_large(std::uint64_t most) {
    return {Code::too_large, fmt::format("the body may have {} bytes at most", most)};
}

// Exactly so many bytes of the body.
awaitable<Result<std::string>> read_exactly(http::BodyReader& body, std::uint64_t size) {
    auto out = co_await read_up_to(body, size);
    if (out && out->size() < size)
        co_return Error{Code::invalid_argument,
                        fmt::format("the body ends {} bytes before its tensors do", size - out->size())};
    co_return out;
}

// The binary tensors, each into its own memory, and nothing behind them.
awaitable<Result<void>> read_tensors(http::BodyReader& body, InferRequest& request) {
    for (auto& input : request.inputs) {
        if (!input.binary_size) continue;
        auto bytes = co_await read_exactly(body, *input.binary_size);
        if (!bytes) co_return bytes.error();
        input.bytes = std::move(*bytes);
    }
    std::array<std::byte, 1> more{};
    const auto got = co_await body.read(more);
    if (!got) co_return got.error();
    if (*got > 0)
        co_return Error{Code::invalid_argument, "the body is longer than its JSON and the tensors that this announces"};
    co_return success();
}

Result<void> check(const InferRequest& request, const values::Manifest& manifest) {
    if (auto sound = protocol::check_inputs(request, manifest); !sound) return sound;
    return protocol::check_outputs(request, manifest);
}

// Beside a candidate, production may take what the candidate's manifest refuses.
Result<void> check(const InferRequest& request, const models::Chosen& chosen) {
    auto sound = check(request, *chosen.primary->manifest);
    if (!sound && chosen.production && check(request, *chosen.production->manifest)) return success();
    return sound;
}

http::Response packed(http::Response response, Coding coding) {
    response.set("Vary", "Accept-Encoding");
    if (coding == Coding::identity) return response;
    auto& body = std::get<std::string>(response.body);
    body = http::pack(body, coding);
    response.set("Content-Encoding", std::string{http::name(coding)});
    return response;
}

std::size_t text_bytes(const InferRequest& asked, const protocol::InferAnswer& answer) {
    std::size_t bytes = 0;
    for (const auto& output : answer.outputs) bytes += output.bytes.size();
    const auto binary = [](const protocol::RequestedOutput& output) { return output.binary && output.classes == 0; };
    const bool all =
        asked.outputs.empty() ? asked.binary_output : std::all_of(asked.outputs.begin(), asked.outputs.end(), binary);
    return all ? 0 : bytes;
}

} // namespace

// As for POST …/predict: without a sticky key each request is on its own.
Result<models::Chosen> ProtocolInfer::choose(const http::Request& request) const {
    auto key = request.header("X-Sticky-Key");
    if (key.size() > longest_sticky_key)
        return Error{Code::invalid_argument,
                     fmt::format("X-Sticky-Key has more than {} characters", longest_sticky_key)};
    if (key.empty()) key = request.id;
    std::optional<std::string_view> version;
    if (const auto named = request.parameter("version"); !named.empty()) version = named;
    return serving_.choose(request.principal.organization, request.parameter("name"), version, key);
}

awaitable<Result<InferRequest>> ProtocolInfer::read_json(http::BodyReader& body, const http::Request& request) const {
    const auto length = protocol::header_length(request.header("Inference-Header-Content-Length"), body.length());
    if (!length) co_return length.error();
    if (*length && **length > max_infer_json) co_return too_large(max_infer_json);
    Result<std::string> text{std::string{}};
    if (*length) text = co_await read_exactly(body, **length);
    else text = co_await read_body(body, max_infer_json);
    if (!text) co_return text.error();
    if (text->size() < much_text) co_return protocol::parse_infer(*text);
    auto parse = [&text] { return protocol::parse_infer(*text); };
    co_return co_await pool_.run(std::move(parse));
}

awaitable<Result<InferRequest>> ProtocolInfer::read(const http::Request& request) const {
    const auto coding = http::content_coding(request.header("Content-Encoding"));
    if (!coding) co_return coding.error();
    std::optional<http::UnpackingReader> unpacked;
    http::BodyReader* body = request.body_reader;
    if (*coding != Coding::identity) body = &unpacked.emplace(*body, *coding, max_infer_bytes);

    auto asked = co_await read_json(*body, request);
    if (!asked) co_return asked.error();
    // Before the tensors are taken in: nothing larger than the model wants is read.
    const auto chosen = choose(request);
    if (!chosen) co_return chosen.error();
    if (auto sound = check(*asked, *chosen); !sound) co_return sound.error();
    if (auto whole = co_await read_tensors(*body, *asked); !whole) co_return whole.error();
    co_return asked;
}

awaitable<Result<std::vector<inference::Prediction>>> ProtocolInfer::predict(
    models::Call call, std::vector<inference::Input> items) const {
    std::vector<models::Call> calls;
    for (auto& item : items)
        calls.push_back(
            {call.chosen, std::move(item), call.priority, call.deadline, call.raw, call.alone, call.measured});
    std::vector<inference::Prediction> predictions;
    if (calls.size() == 1) {
        auto outcome = co_await serving_.predict(std::move(calls.front()));
        if (!outcome) co_return inference::to_error(outcome.error());
        predictions.push_back(std::move(*outcome));
        co_return predictions;
    }
    auto outcomes = co_await predict_all(serving_, std::move(calls));
    for (auto& outcome : outcomes) {
        if (!outcome) co_return inference::to_error(outcome.error());
        predictions.push_back(std::move(*outcome));
    }
    co_return predictions;
}

awaitable<Result<http::Response>> ProtocolInfer::render(const http::Request& request, const InferRequest& asked,
                                                        const values::Manifest& manifest,
                                                        protocol::InferAnswer answer) const {
    const auto coding = http::accepted_coding(request.header("Accept-Encoding"));
    std::size_t bytes = text_bytes(asked, answer);
    if (coding != Coding::identity)
        for (const auto& output : answer.outputs) bytes += output.bytes.size();
    auto write = [&asked, &manifest, &answer, coding]() -> Result<http::Response> {
        auto response = protocol::render_infer(asked, manifest, std::move(answer));
        if (!response) return response.error();
        return packed(std::move(*response), coding);
    };
    if (bytes < much_text) co_return write();
    co_return co_await pool_.run(std::move(write));
}

awaitable<Result<http::Response>> ProtocolInfer::infer(const http::Request& request) const {
    if (auto known = choose(request); !known) co_return known.error();
    auto asked = co_await read(request);
    if (!asked) co_return asked.error();
    // Chosen again, for the body may have been long on its way.
    auto chosen = choose(request);
    if (!chosen) co_return chosen.error();
    if (auto sound = check(*asked, *chosen); !sound) co_return sound.error();
    if (!check(*asked, *chosen->primary->manifest))
        *chosen = co_await serving_.turned_down(std::move(*chosen), is_measurement(request));
    const auto version = chosen->primary;
    auto items = protocol::make_inputs(*asked, *version->manifest);
    if (!items) co_return items.error();
    const auto wait = asked->timeout.value_or(patience);
    models::Call call;
    call.chosen = std::move(*chosen);
    call.priority = asked->priority;
    call.deadline = std::chrono::steady_clock::now() + wait;
    call.raw = true;
    call.measured = is_measurement(request);
    auto predictions = co_await predict(std::move(call), std::move(*items));
    if (!predictions) co_return predictions.error();
    auto answer = protocol::join(std::move(*predictions), *version);
    if (!answer) co_return answer.error();
    co_return co_await render(request, *asked, *version->manifest, std::move(*answer));
}

awaitable<http::Response> ProtocolInfer::answer(http::Request& request) const {
    auto response = co_await infer(request);
    if (!response) co_return http::problem(response.error(), request.id);
    co_return std::move(*response);
}

} // namespace millrace::api
