#include "inference/worker/tensor/padding.hpp"

#include "inference/worker/tensor/tensor_convert.hpp"

#include <algorithm>
#include <cstring>

namespace millrace::inference::worker {
namespace {

values::Shape padded_shape(const values::Shape& shape, const values::Shape& declared,
                           const std::vector<std::int64_t>& buckets) {
    values::Shape padded = shape;
    for (std::size_t i = 0; i < shape.size() && i < declared.size(); ++i) {
        if (declared[i] != -1) continue;
        const auto bucket = std::lower_bound(buckets.begin(), buckets.end(), shape[i]);
        if (bucket != buckets.end()) padded[i] = *bucket;
    }
    return padded;
}

void fill(std::byte* to, std::size_t count, values::Datatype type, double value) {
    with_type(type, [&](auto each) {
        using T = decltype(each);
        (void)convert_number<T>(value, each); // the manifest has seen that it fits
        for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * sizeof(T), &each, sizeof(T));
    });
}

std::vector<std::byte> filled(values::Datatype type, std::size_t elements, double value) {
    std::vector<std::byte> bytes(elements * values::element_size(type));
    fill(bytes.data(), elements, type, value);
    return bytes;
}

// Copies the block that `from` is into the corner of the larger one, line by line of the last dimension.
void copy_block(const std::byte*& from, std::byte* to, std::span<const std::int64_t> shape,
                std::span<const std::int64_t> larger, std::size_t element) {
    if (shape.size() <= 1) {
        const auto line = (shape.empty() ? 1 : static_cast<std::size_t>(shape[0])) * element;
        std::memcpy(to, from, line);
        from += line;
        return;
    }
    std::size_t step = element;
    for (const auto dimension : larger.subspan(1)) step *= static_cast<std::size_t>(dimension);
    for (std::int64_t i = 0; i < shape[0]; ++i)
        copy_block(from, to + static_cast<std::size_t>(i) * step, shape.subspan(1), larger.subspan(1), element);
}

void pad_tensor(TensorValue& tensor, std::int64_t rows, const values::Shape& declared, const values::Padding& padding) {
    const auto larger = padded_shape(tensor.shape, declared, padding.buckets);
    if (larger == tensor.shape) return;
    values::Shape shape = tensor.shape, full = larger;
    shape.insert(shape.begin(), rows);
    full.insert(full.begin(), rows);
    const auto elements = values::element_count(full);
    if (!elements || *elements > (std::uint64_t{1} << 30))
        throw InputError{"the input is too large when it is filled up to its bucket"};
    auto bytes = filled(tensor.datatype, *elements, padding.value);
    const std::byte* from = tensor.bytes.data();
    copy_block(from, bytes.data(), shape, full, values::element_size(tensor.datatype));
    tensor.bytes = std::move(bytes);
    tensor.shape = larger;
}

} // namespace

bool is_open_text(const values::InputSpec& input) { return input.kind == values::InputKind::text && input.text.open; }

std::int64_t text_length(const DecodedInput& input, const values::Manifest& manifest) {
    std::int64_t longest = 0;
    for (std::size_t i = 0; i < input.tensors.size(); ++i)
        if (is_open_text(manifest.inputs[i]) && !input.tensors[i].absent)
            longest = std::max(longest, input.tensors[i].shape.front());
    return longest;
}

void pad_rows(const TensorValue& value, std::int64_t rows, std::int64_t wide, std::int64_t padding, std::byte* to) {
    const auto element = values::element_size(value.datatype);
    const auto length = value.shape.front();
    const auto line = static_cast<std::size_t>(length) * element;
    for (std::int64_t row = 0; row < rows; ++row) {
        std::memcpy(to, value.bytes.data() + static_cast<std::size_t>(row) * line, line);
        fill(to + line, static_cast<std::size_t>(wide - length), value.datatype, static_cast<double>(padding));
        to += static_cast<std::size_t>(wide) * element;
    }
}

void pad(DecodedInput& input, const values::Manifest& manifest) {
    if (!manifest.batching.padding) return;
    for (std::size_t i = 0; i < input.tensors.size(); ++i)
        if (!input.tensors[i].absent && !is_open_text(manifest.inputs[i]))
            pad_tensor(input.tensors[i], input.rows, manifest.inputs[i].tensor.shape, *manifest.batching.padding);
}

} // namespace millrace::inference::worker
