#include "api/openai/embeddings.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <span>

namespace millrace::api::openai {
namespace {

Error bad(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

inference::Input text_input(const json::string& text) {
    inference::Input input;
    input.media_type = "text/plain";
    input.bytes = std::string{text};
    return input;
}

// The numbers of a text's tokens: checked by the worker, which knows the vocabulary.
inference::Input token_input(const json::value& tokens) {
    inference::Input input;
    input.media_type = "application/json";
    input.bytes = millrace::json_text(json::object{{"tokens", tokens}});
    return input;
}

Result<inference::Input> read_input(const json::value& value, std::size_t place) {
    if (const auto* text = value.if_string()) {
        if (text->empty()) return bad(fmt::format("input: text {} is empty", place));
        return text_input(*text);
    }
    if (value.is_array() && !value.get_array().empty() && value.get_array().front().is_number())
        return token_input(value);
    return bad(fmt::format("input: element {} must be a text or an array of token numbers", place));
}

Result<std::vector<inference::Input>> read_inputs(const json::value* value) {
    if (!value) return bad("\"input\" is missing");
    std::vector<inference::Input> inputs;
    const auto* list = value->if_array();
    if (list && list->empty()) return bad("\"input\" must not be empty");
    if (!list || list->front().is_number()) {
        auto one = read_input(*value, 0);
        if (!one) return one.error();
        inputs.push_back(std::move(*one));
        return inputs;
    }
    if (list->size() > max_texts)
        return bad(fmt::format("\"input\" has {} elements, at most {} are taken at once", list->size(), max_texts));
    for (const auto& each : *list) {
        auto one = read_input(each, inputs.size());
        if (!one) return one.error();
        inputs.push_back(std::move(*one));
    }
    return inputs;
}

Result<void> read_options(const json::object& body, EmbeddingsRequest& request) {
    if (auto known = only_fields(body, {"input", "model", "encoding_format", "dimensions", "user"}); !known)
        return bad(known.error().detail);
    const auto format = string_field(body, "encoding_format");
    if (!format) return bad(format.error().detail);
    if (*format && **format != "float" && **format != "base64")
        return bad("\"encoding_format\" must be float or base64");
    request.base64 = *format && **format == "base64";
    const auto dimensions = integer_field(body, "dimensions", 1, 1 << 24);
    if (!dimensions) return bad(dimensions.error().detail);
    request.dimensions = *dimensions;
    return success();
}

// Shortest texts that read back as the same numbers.
bool append_numbers(fmt::memory_buffer& out, std::span<const float> numbers) {
    out.push_back('[');
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (!std::isfinite(numbers[i])) return false;
        fmt::format_to(std::back_inserter(out), "{}{}", i > 0 ? "," : "", numbers[i]);
    }
    out.push_back(']');
    return true;
}

} // namespace

ModelId read_model_id(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return {std::string{text}, std::nullopt};
    return {std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)}};
}

Result<EmbeddingsRequest> parse_embeddings(std::string_view text) {
    const auto value = parse_json(text);
    if (!value) return bad(value.error().detail);
    const auto* body = value->if_object();
    if (!body) return bad("the body must be a JSON object");
    EmbeddingsRequest request;
    if (auto read = read_options(*body, request); !read) return read.error();
    const auto name = string_field(*body, "model");
    if (!name) return bad(name.error().detail);
    if (!*name || (*name)->empty()) return bad("\"model\" is missing");
    request.model = read_model_id(**name);
    request.model_as_asked = **name;
    auto inputs = read_inputs(field(*body, "input"));
    if (!inputs) return inputs.error();
    request.inputs = std::move(*inputs);
    return request;
}

std::optional<std::int64_t> embedding_size(const values::Manifest& manifest) {
    const auto& output = manifest.outputs.front();
    const bool text = manifest.given() == 1 && manifest.inputs[manifest.first_given()].kind == values::InputKind::text;
    const bool vector = manifest.outputs.size() == 1 && output.datatype == values::Datatype::fp32 &&
                        output.shape.size() == 1 && output.shape[0] > 0;
    if (!text || !vector || manifest.task != values::Task::tensor) return std::nullopt;
    return output.shape[0];
}

Result<std::string> render_embeddings(const EmbeddingsRequest& request,
                                      const std::vector<inference::Prediction>& predictions) {
    fmt::memory_buffer out;
    std::uint64_t tokens = 0;
    fmt::format_to(std::back_inserter(out), R"({{"object":"list","data":[)");
    for (std::size_t i = 0; i < predictions.size(); ++i) {
        const auto& tensors = predictions[i].tensors;
        if (tensors.size() != 1 || tensors.front().datatype != values::Datatype::fp32 ||
            tensors.front().bytes.empty() ||
            tensors.front().bytes.size() != predictions.front().tensors.front().bytes.size())
            return Error{Code::internal, "the model did not give one vector for each text"};
        const auto& bytes = tensors.front().bytes;
        std::vector<float> numbers(bytes.size() / sizeof(float));
        std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
        fmt::format_to(std::back_inserter(out), R"({}{{"object":"embedding","index":{},"embedding":)", i > 0 ? "," : "",
                       i);
        if (request.base64)
            fmt::format_to(std::back_inserter(out), "\"{}\"", base64(std::as_bytes(std::span{numbers})));
        else if (!append_numbers(out, numbers))
            return Error{Code::internal, fmt::format("the model gave for text {} what is no number", i)};
        out.push_back('}');
        tokens += predictions[i].tokens;
    }
    fmt::format_to(std::back_inserter(out), R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                   millrace::json_text(json::value(request.model_as_asked)), tokens, tokens);
    return fmt::to_string(out);
}

} // namespace millrace::api::openai
