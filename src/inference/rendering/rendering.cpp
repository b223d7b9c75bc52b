#include "inference/rendering/rendering.hpp"

#include "base/utf8.hpp"
#include "inference/rendering/rendering_labels.hpp"
#include "values/finite.hpp"
#include "values/half.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <span>

namespace millrace::inference {
namespace {

// Answers carry a few significant digits less than a double has; nobody reads the noise.
double rounded_ms(double value) { return std::round(value * 1000) / 1000; }

Failure dishonest() {
    return {FailureReason::model_failed, "the worker gave an answer that does not fit the model's manifest", false};
}

// Is it what the manifest's output says?
bool fits(const frame::Tensor& tensor, const values::OutputSpec& output, bool with_batch) {
    if (tensor.absent) return output.optional;
    const bool batched = tensor.shape.size() == output.shape.size() + 1;
    const auto shape = std::span{tensor.shape}.subspan(batched ? 1 : 0);
    return tensor.datatype == output.datatype && (batched || !with_batch) && output.accepts(shape, 0);
}

bool fit(const frame::Tensors& tensors, const values::Manifest& manifest, bool with_batch) {
    if (tensors.tensors.size() != manifest.outputs.size()) return false;
    for (std::size_t i = 0; i < tensors.tensors.size(); ++i)
        if (!fits(tensors.tensors[i], manifest.outputs[i], with_batch)) return false;
    return true;
}

bool add_map(frame::Map& map, const values::Manifest& manifest, Prediction& out) {
    const auto total = static_cast<double>(map.width) * map.height;
    if (map.pixels.size() != manifest.labels.size() || manifest.postprocess.colors.size() != manifest.labels.size() ||
        total <= 0)
        return false;
    json::array shares;
    for (std::size_t i = 0; i < map.pixels.size(); ++i)
        shares.push_back(json::object{{"label", manifest.labels[i]},
                                      {"share", static_cast<double>(map.pixels[i]) / total},
                                      {"pixels", map.pixels[i]},
                                      {"color", fmt::format("#{:06x}", manifest.postprocess.colors[i])}});
    out.result["shares"] = std::move(shares);
    out.result["width"] = map.width;
    out.result["height"] = map.height;
    out.files.push_back({"map", "image/png", std::move(map.png)});
    return true;
}

template <class T>
void append_numbers(const std::string& bytes, json::array& out) {
    for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
        T value;
        std::memcpy(&value, bytes.data() + i, sizeof value);
        if constexpr (std::is_same_v<T, values::Half> || std::is_same_v<T, values::Brain>)
            out.push_back(static_cast<double>(values::widen(value)));
        else if constexpr (std::is_floating_point_v<T>) out.push_back(static_cast<double>(value)); // finite
        else out.push_back(static_cast<std::int64_t>(value));
    }
}

json::array numbers_of(const frame::Tensor& tensor) {
    json::array out;
    out.reserve(tensor.bytes.size() / values::element_size(tensor.datatype));
    switch (tensor.datatype) {
    case values::Datatype::boolean:
        for (const char byte : tensor.bytes) out.push_back(byte != 0);
        break;
    case values::Datatype::uint8: append_numbers<std::uint8_t>(tensor.bytes, out); break;
    case values::Datatype::int8: append_numbers<std::int8_t>(tensor.bytes, out); break;
    case values::Datatype::int16: append_numbers<std::int16_t>(tensor.bytes, out); break;
    case values::Datatype::int32: append_numbers<std::int32_t>(tensor.bytes, out); break;
    case values::Datatype::int64: append_numbers<std::int64_t>(tensor.bytes, out); break;
    case values::Datatype::fp32: append_numbers<float>(tensor.bytes, out); break;
    case values::Datatype::fp64: append_numbers<double>(tensor.bytes, out); break;
    case values::Datatype::fp16: append_numbers<values::Half>(tensor.bytes, out); break;
    case values::Datatype::bf16: append_numbers<values::Brain>(tensor.bytes, out); break;
    }
    return out;
}

constexpr std::size_t max_tensor_bytes = 16u << 20; // as JSON about ten times that

std::optional<Failure> add_tensors(const frame::Tensors& tensors, const values::Manifest& manifest, Prediction& out) {
    json::array outputs;
    std::size_t total = 0;
    for (std::size_t i = 0; i < tensors.tensors.size(); ++i) {
        const auto& tensor = tensors.tensors[i];
        if (tensor.absent) continue;
        total += tensor.bytes.size();
        if (total > max_tensor_bytes)
            return Failure{FailureReason::model_failed,
                           fmt::format("the model's output is larger than {} MiB, too large to be given as JSON",
                                       max_tensor_bytes >> 20),
                           false};
        const auto& name = manifest.outputs[i].name;
        if (!values::all_finite(tensor.datatype, tensor.bytes))
            return Failure{FailureReason::model_failed,
                           fmt::format("the output \"{}\" has numbers that are not finite (NaN or infinity), which "
                                       "JSON cannot tell; ask for them as they are: "
                                       "Accept: application/x-npy, or binary_data in the inference protocol",
                                       name),
                           false, true};
        outputs.push_back(json::object{{"name", name},
                                       {"datatype", values::name(tensor.datatype)},
                                       {"shape", json::value_from(tensor.shape)},
                                       {"data", numbers_of(tensor)}});
    }
    out.result["outputs"] = std::move(outputs);
    return std::nullopt;
}

void add_raw(frame::Tensors tensors, const values::Manifest& manifest, Prediction& out) {
    for (std::size_t i = 0; i < tensors.tensors.size(); ++i) {
        auto& tensor = tensors.tensors[i];
        if (!tensor.absent)
            out.tensors.push_back(
                {manifest.outputs[i].name, tensor.datatype, std::move(tensor.shape), std::move(tensor.bytes)});
    }
}

} // namespace

Outcome render(frame::ItemResult item, const ModelVersion& model, const Answered& answered, bool raw) {
    if (auto* failure = std::get_if<frame::ItemFailure>(&item.outcome)) {
        failure->message.resize(utf8_prefix(failure->message, 4096).size());
        return Failure{failure->bad_input ? FailureReason::bad_input : FailureReason::model_failed,
                       std::move(failure->message), false, failure->no_answer && !failure->bad_input};
    }
    Prediction prediction;
    const auto& manifest = *model.manifest;
    const auto kind = manifest.postprocess.kind;
    using values::PostprocessKind;
    if (auto* tensors = std::get_if<frame::Tensors>(&item.outcome)) {
        if ((!raw && kind != PostprocessKind::raw) || !fit(*tensors, manifest, raw)) return dishonest();
        if (raw) add_raw(std::move(*tensors), manifest, prediction);
        else if (auto failure = add_tensors(*tensors, manifest, prediction)) return *failure;
    } else if (raw) {
        return dishonest();
    } else if (const auto* top = std::get_if<frame::TopK>(&item.outcome)) {
        if (!add_row(*top, manifest, prediction.result)) return dishonest();
    } else if (const auto* scores = std::get_if<frame::Scores>(&item.outcome)) {
        if (!add_row(*scores, manifest, prediction.result)) return dishonest();
    } else if (const auto* objects = std::get_if<frame::Objects>(&item.outcome)) {
        if (!add_row(*objects, manifest, prediction.result)) return dishonest();
    } else if (const auto* rows = std::get_if<frame::Rows>(&item.outcome)) {
        if (!add_rows(*rows, manifest, prediction.result)) return dishonest();
    } else if (auto* map = std::get_if<frame::Map>(&item.outcome)) {
        if (manifest.task != values::Task::pixel_classification || !add_map(*map, manifest, prediction))
            return dishonest();
    }
    prediction.batch_size = static_cast<int>(item.batch_size);
    prediction.queue_ms = rounded_ms(answered.queue_ms);
    prediction.decode_ms = rounded_ms(answered.decode_ms);
    prediction.infer_ms = rounded_ms(item.infer_ms);
    prediction.tokens = item.tokens;
    prediction.encode_ms = rounded_ms(answered.encode_ms);
    prediction.result["model"] = model.name;
    prediction.result["model_version"] = model.version;
    prediction.result["batch_size"] = prediction.batch_size;
    prediction.result["queue_ms"] = prediction.queue_ms;
    prediction.result["infer_ms"] = prediction.infer_ms;
    return prediction;
}

} // namespace millrace::inference
