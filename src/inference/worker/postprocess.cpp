#include "inference/worker/postprocess.hpp"

#include "inference/worker/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>

namespace millrace::inference::worker {
namespace {

void check_numbers(std::span<const float> logits) {
    if (std::any_of(logits.begin(), logits.end(), [](float v) { return std::isnan(v); }))
        throw OutputError{"the model's output is not a number (NaN), so no label can be told for this input"};
}

frame::TopK softmax_top_k(std::span<const float> logits, int top_k) {
    check_numbers(logits);
    const float largest = *std::max_element(logits.begin(), logits.end());
    std::vector<double> shares(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        shares[i] =
            logits[i] == largest ? 1.0 : std::exp(static_cast<double>(logits[i]) - largest); // also for infinities
        sum += shares[i];
    }
    std::vector<std::uint32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto k = std::min<std::size_t>(static_cast<std::size_t>(top_k), order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                      [&](auto a, auto b) { return shares[a] != shares[b] ? shares[a] > shares[b] : a < b; });
    frame::TopK result;
    for (std::size_t i = 0; i < k; ++i) result.ranked.push_back({order[i], static_cast<float>(shares[order[i]] / sum)});
    return result;
}

frame::Map argmax_map(std::span<const float> logits, std::int64_t classes, std::int64_t rows, std::int64_t columns,
                      const std::vector<std::uint32_t>& colors) {
    check_numbers(logits);
    const auto plane = static_cast<std::size_t>(rows * columns);
    std::vector<std::uint8_t> best(plane, 0);
    std::vector<float> value(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(plane));
    for (std::size_t c = 1; c < static_cast<std::size_t>(classes); ++c) { // plane by plane: memory is read in order
        const float* from = logits.data() + c * plane;
        for (std::size_t i = 0; i < plane; ++i)
            if (from[i] > value[i]) {
                value[i] = from[i];
                best[i] = static_cast<std::uint8_t>(c);
            }
    }
    frame::Map map{static_cast<std::uint32_t>(columns),
                   static_cast<std::uint32_t>(rows),
                   std::vector<std::uint64_t>(static_cast<std::size_t>(classes), 0),
                   {}};
    for (const auto c : best) ++map.pixels[c];
    map.png = encode_indexed_png(static_cast<int>(columns), static_cast<int>(rows), best, colors);
    return map;
}

} // namespace

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
    if (manifest.postprocess.kind == model::PostprocessKind::raw) return tensors_of(outputs);
    const auto& first = outputs.front();
    const std::span<const float> logits{reinterpret_cast<const float*>(first.data), first.bytes / sizeof(float)};
    if (manifest.postprocess.kind == model::PostprocessKind::softmax_top_k)
        return softmax_top_k(logits, manifest.postprocess.top_k);
    return argmax_map(logits, first.shape[0], first.shape[1], first.shape[2], manifest.postprocess.colors);
}

} // namespace millrace::inference::worker
