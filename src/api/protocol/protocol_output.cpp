#include "api/protocol/protocol_output.hpp"

#include "api/protocol/tensor_text.hpp"
#include "base/json_text.hpp"
#include "values/finite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace millrace::api::protocol {
namespace {

using inference::Tensor;

// A tensor as it is sent: one of the model's, or the classes of one.
struct Output {
    std::string name;
    std::string_view datatype;
    values::Shape shape;
    std::string bytes;
    bool binary = false;
};

bool same_row(const Tensor& a, const Tensor& b) {
    return a.datatype == b.datatype && a.shape.size() == b.shape.size() && !a.shape.empty() &&
           std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1);
}

std::string text_member(const json::object& object, std::string_view name, const std::string& otherwise) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string{value->as_string()} : otherwise;
}

// Of each row the highest `classes` values, as "value:index" or "value:index:label".
Output classify(const Tensor& tensor, int classes, const std::vector<std::string>& labels) {
    const auto rows = tensor.shape.empty() ? 1 : tensor.shape[0];
    const auto count = tensor.bytes.size() / values::element_size(tensor.datatype);
    const auto width = rows > 0 ? count / static_cast<std::size_t>(rows) : 0;
    const auto kept = std::min<std::size_t>(static_cast<std::size_t>(classes), width);
    Output out{tensor.name, "BYTES", {rows, static_cast<std::int64_t>(kept)}, {}};
    std::vector<double> values(width);
    std::vector<std::size_t> order(width);
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto first = static_cast<std::size_t>(row) * width;
        for (std::size_t i = 0; i < width; ++i) values[i] = number_at(tensor, first + i);
        std::iota(order.begin(), order.end(), std::size_t{0});
        const auto higher = [&](std::size_t a, std::size_t b) {
            return values[a] > values[b] || (values[a] == values[b] && a < b);
        };
        std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), higher);
        for (std::size_t i = 0; i < kept; ++i) {
            const auto index = order[i];
            auto text = fmt::format("{}:{}", text_at(tensor, first + index), index);
            if (labels.size() == width) text += ":" + labels[index];
            append_element(out.bytes, text);
        }
    }
    return out;
}

void append_strings(std::string& out, std::string_view bytes) {
    const auto elements = split_elements(bytes, bytes.size());
    for (std::size_t i = 0; elements && i < elements->size(); ++i) {
        if (i > 0) out += ',';
        out += millrace::json_text(json::string((*elements)[i]));
    }
}

Result<std::vector<Output>> choose(const InferRequest& request, const values::Manifest& manifest,
                                   std::vector<Tensor>& tensors) {
    std::vector<Output> outputs;
    if (request.outputs.empty()) {
        for (auto& tensor : tensors)
            outputs.push_back({tensor.name, values::name(tensor.datatype), tensor.shape, std::move(tensor.bytes),
                               request.binary_output});
        return outputs;
    }
    for (const auto& wanted : request.outputs) {
        const auto at = std::find_if(tensors.begin(), tensors.end(),
                                     [&](const Tensor& tensor) { return tensor.name == wanted.name; });
        if (at == tensors.end())
            return Error{Code::unavailable, fmt::format("the model that answered has no output \"{}\"",
                                                        wanted.name)}; // a fallback of another form
        if (wanted.classes > 0) {
            const bool labelled = !manifest.outputs.empty() && manifest.outputs.front().name == wanted.name;
            outputs.push_back(classify(*at, wanted.classes, labelled ? manifest.labels : std::vector<std::string>{}));
        } else {
            outputs.push_back({at->name, values::name(at->datatype), at->shape, std::move(at->bytes)});
        }
        outputs.back().binary = wanted.binary;
    }
    return outputs;
}

json::object head_of(const InferRequest& request, const InferAnswer& answer) {
    json::object head;
    if (!request.id.empty()) head["id"] = request.id;
    head["model_name"] = answer.model;
    head["model_version"] = answer.version;
    head["parameters"] =
        json::object{{"batch_size", answer.batch_size}, {"queue_ms", answer.queue_ms}, {"infer_ms", answer.infer_ms}};
    return head;
}

// The open object, to which more members are written.
std::string opened(const json::object& object) {
    auto text = json_text(object);
    text.pop_back();
    return text;
}

Result<void> append_output(std::string& out, const Output& output) {
    out += opened({{"name", output.name}, {"datatype", output.datatype}, {"shape", json::value_from(output.shape)}});
    if (output.binary) {
        out += fmt::format(",\"parameters\":{{\"binary_data_size\":{}}}}}", output.bytes.size());
        return success();
    }
    if (const auto type = values::datatype(output.datatype); type && !values::all_finite(*type, output.bytes))
        return Error{Code::unprocessable, fmt::format("output \"{}\" has numbers that are not finite (NaN or "
                                                      "infinity), which JSON cannot tell: ask for binary_data",
                                                      output.name)};
    out += ",\"data\":[";
    if (output.datatype == "BYTES") {
        append_strings(out, output.bytes);
    } else if (!append_numbers(out, *values::datatype(output.datatype), output.bytes)) {
        return Error{Code::invalid_argument,
                     fmt::format("output \"{}\" is {}, which has no form in JSON: ask for binary_data", output.name,
                                 output.datatype)};
    }
    out += "]}";
    return success();
}

} // namespace

Result<InferAnswer> join(std::vector<inference::Prediction> predictions, const inference::ModelVersion& asked) {
    InferAnswer answer;
    auto& first = predictions.front();
    answer.model = text_member(first.result, "model", asked.name);
    answer.version = text_member(first.result, "model_version", asked.version);
    answer.outputs = std::move(first.tensors);
    for (const auto& each : predictions) {
        answer.batch_size = std::max(answer.batch_size, each.batch_size);
        answer.queue_ms = std::max(answer.queue_ms, each.queue_ms);
        answer.infer_ms = std::max(answer.infer_ms, each.infer_ms);
    }
    for (std::size_t i = 1; i < predictions.size(); ++i) {
        const auto& more = predictions[i].tensors;
        if (more.size() != answer.outputs.size())
            return Error{Code::internal,
                         "the items of the request were answered with different outputs; send them one by one"};
        for (std::size_t k = 0; k < more.size(); ++k) {
            auto& whole = answer.outputs[k];
            if (!same_row(whole, more[k]))
                return Error{
                    Code::invalid_argument,
                    fmt::format(
                        "the items of the request have outputs \"{}\" of different shapes; send them one by one",
                        whole.name)};
            whole.bytes += more[k].bytes;
            whole.shape[0] += more[k].shape[0];
        }
    }
    return answer;
}

Result<http::Response> render_infer(const InferRequest& request, const values::Manifest& manifest, InferAnswer answer) {
    auto outputs = choose(request, manifest, answer.outputs);
    if (!outputs) return outputs.error();
    auto body = opened(head_of(request, answer)) + ",\"outputs\":[";
    bool first = true;
    for (const auto& output : *outputs) {
        if (!std::exchange(first, false)) body += ',';
        if (auto written = append_output(body, output); !written) return written.error();
    }
    body += "]}";
    const bool binary =
        std::any_of(outputs->begin(), outputs->end(), [](const Output& output) { return output.binary; });
    if (!binary) return http::json_text(200, std::move(body));
    const auto header = body.size();
    auto whole = header;
    for (const auto& output : *outputs) whole += output.binary ? output.bytes.size() : 0;
    body.reserve(whole);
    for (const auto& output : *outputs)
        if (output.binary) body += output.bytes;
    return http::text(200, "application/octet-stream", std::move(body))
        .set("Inference-Header-Content-Length", std::to_string(header));
}

} // namespace millrace::api::protocol
