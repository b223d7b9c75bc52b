#include "inference/worker/loading/probe.hpp"

#include "inference/worker/loading/runtime.hpp"
#include "inference/worker/tensor/padding.hpp"
#include "inference/worker/tensor/tensor_convert.hpp"

#include <algorithm>
#include <cstring>

namespace millrace::inference::worker {
namespace {

constexpr std::int64_t any_size_probe = 64; // for dimensions that the manifest leaves open
constexpr std::int64_t usual_text = 32;     // tokens of a text of an open length: a sentence or two
constexpr std::uint64_t most_elements = 1u << 28;

// The open dimensions get a size that the input takes.
values::Shape probe_shape(const values::InputSpec& input, std::int64_t text_length) {
    auto shape = input.tensor.shape;
    std::int64_t size = is_open_text(input) ? std::min<std::int64_t>(text_length, input.text.length) : any_size_probe;
    if (input.kind == values::InputKind::image && input.image.open()) {
        const auto& rule = input.image;
        size = std::clamp<std::int64_t>(size, rule.least_side, rule.most_side);
        size = (size + rule.multiple_of - 1) / rule.multiple_of * rule.multiple_of;
    }
    std::replace(shape.begin(), shape.end(), std::int64_t{-1}, size);
    return shape;
}

// The same numbers every time, from 0 to 1 (0 and 1 for integers, which often are indices).
TensorValue made_up(const values::TensorSpec& spec, values::Shape shape, std::int64_t rows, std::uint64_t count) {
    TensorValue value{spec.datatype, std::move(shape), {}};
    const auto elements = count * static_cast<std::uint64_t>(rows);
    value.bytes.resize(elements * values::element_size(spec.datatype));
    with_type(spec.datatype, [&](auto type) {
        using T = decltype(type);
        std::uint32_t state = 12345;
        for (std::uint64_t i = 0; i < elements; ++i) {
            state = state * 1664525u + 1013904223u;
            T each{};
            if constexpr (std::is_floating_point_v<T> || is_half<T>)
                (void)convert_number<T>((state >> 8) / 16777216.0, each);
            else each = static_cast<T>((state >> 16) & 1);
            std::memcpy(value.bytes.data() + i * sizeof(T), &each, sizeof(T));
        }
    });
    return value;
}

std::optional<DecodedInput> made_up(const values::Manifest& manifest, std::int64_t rows, std::int64_t text_length) {
    DecodedInput input;
    input.rows = rows;
    for (const auto& each : manifest.inputs) {
        auto shape = probe_shape(each, text_length);
        const auto count = values::element_count(shape);
        if (!count || *count * static_cast<std::uint64_t>(rows) > most_elements) return std::nullopt;
        input.tensors.push_back(made_up(each.tensor, std::move(shape), rows, *count));
    }
    return input;
}

// The rows of the manifest's example, as often as are needed.
DecodedInput repeated(const DecodedInput& example, std::int64_t rows) {
    DecodedInput input;
    input.rows = rows;
    for (const auto& tensor : example.tensors) {
        TensorValue value{tensor.datatype, tensor.shape, {}, tensor.absent};
        const auto each = tensor.bytes.size() / static_cast<std::size_t>(example.rows);
        for (std::int64_t row = 0; row < rows; ++row) {
            const auto from =
                tensor.bytes.begin() + static_cast<std::ptrdiff_t>(each * static_cast<std::size_t>(row % example.rows));
            value.bytes.insert(value.bytes.end(), from, from + static_cast<std::ptrdiff_t>(each));
        }
        input.tensors.push_back(std::move(value));
    }
    return input;
}

} // namespace

std::optional<DecodedInput> make_probe(const values::Manifest& manifest, std::int64_t rows) {
    if (manifest.warm_up.inputs.empty()) return made_up(manifest, rows, usual_text);
    auto example = preprocess(manifest.warm_up.inputs.front(), "application/json", manifest);
    pad(example, manifest);
    return repeated(example, rows);
}

std::optional<DecodedInput> make_text_probe(const values::Manifest& manifest, std::int64_t rows, std::int64_t length) {
    return made_up(manifest, rows, length);
}

std::vector<mr_tensor> views_of(const DecodedInput& input) {
    std::vector<mr_tensor> views;
    for (const auto& tensor : input.tensors)
        views.push_back(tensor.absent ? absent_view()
                                      : batch_view(tensor.datatype, input.rows, tensor.shape, tensor.bytes));
    return views;
}

} // namespace millrace::inference::worker
