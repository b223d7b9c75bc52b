#include "inference/worker/postprocess.hpp"

#include "inference/worker/postprocess_kinds.hpp"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

namespace millrace::inference::worker {

using model::PostprocessKind;

FloatView::FloatView(const OutputView& output) {
    if (output.datatype == model::Datatype::fp32) {
        view_ = {reinterpret_cast<const float*>(output.data), output.bytes / sizeof(float)};
        return;
    }
    kept_.resize(output.bytes / sizeof(double)); // the manifest allows FP64 beside it
    for (std::size_t i = 0; i < kept_.size(); ++i) {
        double value = 0;
        std::memcpy(&value, output.data + i * sizeof value, sizeof value);
        kept_[i] = static_cast<float>(value);
    }
    view_ = kept_;
}

void check_outputs(std::span<const OutputView> outputs, const model::Manifest& manifest) {
    if (outputs.size() < manifest.outputs.size())
        throw std::runtime_error{fmt::format("the model returned {} tensors, its manifest promises {}", outputs.size(),
                                             manifest.outputs.size())};
    for (std::size_t i = 0; i < manifest.outputs.size(); ++i) {
        const auto& promised = manifest.outputs[i];
        if (outputs[i].datatype != promised.datatype || !promised.accepts(outputs[i].shape))
            throw std::runtime_error{fmt::format("the model returned {} {} as \"{}\", its manifest promises {} {}",
                                                 model::name(outputs[i].datatype), model::shape_text(outputs[i].shape),
                                                 promised.name, model::name(promised.datatype),
                                                 model::shape_text(promised.shape))};
    }
}

frame::Tensors tensors_of(std::span<const OutputView> outputs) {
    frame::Tensors tensors;
    for (const auto& output : outputs)
        tensors.tensors.push_back({output.datatype,
                                   {output.shape.begin(), output.shape.end()},
                                   std::string{reinterpret_cast<const char*>(output.data), output.bytes}});
    return tensors;
}

frame::Outcome postprocess(std::span<const OutputView> outputs, const model::Manifest& manifest) {
    check_outputs(outputs, manifest);
    const auto& rule = manifest.postprocess;
    if (rule.kind == PostprocessKind::raw) return tensors_of(outputs);
    const FloatView values{outputs.front()};
    const auto shape = outputs.front().shape;
    switch (rule.kind) {
    case PostprocessKind::softmax_top_k: return softmax_top_k(values.get(), rule.top_k);
    case PostprocessKind::top_k: return top_k(values.get(), rule.top_k);
    case PostprocessKind::sigmoid: return sigmoid(values.get(), manifest);
    case PostprocessKind::values: return plain_values(values.get());
    case PostprocessKind::argmax_map: return argmax_map(values.get(), shape, rule.colors);
    case PostprocessKind::sigmoid_map: return sigmoid_map(values.get(), shape.last(2), rule);
    case PostprocessKind::raw: break;
    }
    throw std::logic_error{"the manifest asks for a postprocessing that there is not"};
}

} // namespace millrace::inference::worker
