#include "inference/worker/postprocess/postprocess.hpp"

#include "inference/worker/postprocess/postprocess_kinds.hpp"
#include "inference/worker/tensor/tensor_convert.hpp"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

namespace millrace::inference::worker {

using values::PostprocessKind;

FloatView::FloatView(const OutputView& output) {
    if (output.datatype == values::Datatype::fp32) {
        view_ = {reinterpret_cast<const float*>(output.data), output.bytes / sizeof(float)};
        return;
    }
    kept_.resize(output.bytes / values::element_size(output.datatype));
    with_type(output.datatype, [&](auto type) {
        using T = decltype(type);
        for (std::size_t i = 0; i < kept_.size(); ++i) {
            T value;
            std::memcpy(&value, output.data + i * sizeof value, sizeof value);
            if constexpr (is_half<T>) kept_[i] = values::widen(value);
            else kept_[i] = static_cast<float>(value);
        }
    });
    view_ = kept_;
}

void check_outputs(std::span<const OutputView> outputs, const values::Manifest& manifest) {
    if (outputs.size() < manifest.outputs.size())
        throw std::runtime_error{fmt::format("the model returned {} tensors, its manifest promises {}", outputs.size(),
                                             manifest.outputs.size())};
    for (std::size_t i = 0; i < manifest.outputs.size(); ++i) {
        const auto& promised = manifest.outputs[i];
        if (outputs[i].absent && promised.optional) continue;
        if (outputs[i].absent)
            throw std::runtime_error{
                fmt::format("the model returned no \"{}\", which its manifest promises", promised.name)};
        if (outputs[i].datatype != promised.datatype ||
            !promised.accepts(outputs[i].shape, 0)) // a detector may find nothing
            throw std::runtime_error{fmt::format("the model returned {} {} as \"{}\", its manifest promises {} {}",
                                                 values::name(outputs[i].datatype),
                                                 values::shape_text(outputs[i].shape), promised.name,
                                                 values::name(promised.datatype), values::shape_text(promised.shape))};
    }
}

frame::Tensors tensors_of(std::span<const OutputView> outputs) {
    frame::Tensors tensors;
    for (const auto& output : outputs) {
        auto& tensor = tensors.tensors.emplace_back();
        tensor.absent = output.absent;
        if (output.absent) continue;
        tensor.datatype = output.datatype;
        tensor.shape.assign(output.shape.begin(), output.shape.end());
        if (output.bytes > 0) tensor.bytes.assign(reinterpret_cast<const char*>(output.data), output.bytes);
    }
    return tensors;
}

frame::Outcome postprocess(std::span<const OutputView> outputs, const values::Manifest& manifest,
                           const PictureGeometry* picture) {
    check_outputs(outputs, manifest);
    const auto& rule = manifest.postprocess;
    if (rule.kind == PostprocessKind::raw) return tensors_of(outputs);
    if (rule.kind == PostprocessKind::objects) return objects(outputs, manifest, picture);
    const FloatView values{outputs.front()};
    const auto shape = outputs.front().shape;
    switch (rule.kind) {
    case PostprocessKind::softmax_top_k: return softmax_top_k(values.get(), rule.top_k);
    case PostprocessKind::top_k: return top_k(values.get(), rule.top_k);
    case PostprocessKind::sigmoid: return sigmoid(values.get(), manifest);
    case PostprocessKind::values: return plain_values(values.get());
    case PostprocessKind::argmax_map: return argmax_map(values.get(), shape, rule.colors);
    case PostprocessKind::sigmoid_map: return sigmoid_map(values.get(), shape.last(2), rule);
    case PostprocessKind::objects:
    case PostprocessKind::raw: break;
    }
    throw std::logic_error{"the manifest asks for a postprocessing that there is not"};
}

} // namespace millrace::inference::worker
