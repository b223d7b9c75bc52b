#include "inference/worker/tensor/tensor_value.hpp"

#include "inference/worker/tensor/padding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace millrace::inference::worker {

TensorRows split_rows(TensorValue value, const values::TensorSpec& spec) {
    TensorRows result{1, std::move(value)};
    auto& shape = result.value.shape;
    const auto given = shape;
    if (shape.size() == spec.shape.size() + 1) {
        result.rows = shape.front();
        shape.erase(shape.begin());
    }
    if (!spec.accepts(shape))
        throw InputError{fmt::format("the input has the shape {}, the model takes {}", values::shape_text(given),
                                     values::shape_text(spec.shape))};
    if (result.rows < 1 || result.rows > max_rows)
        throw InputError{fmt::format("the input has {} rows, 1 to {} are taken at once", result.rows, max_rows)};
    return result;
}

namespace {

// Texts alone have rows of several lengths: one dimension.
void fill_up(std::vector<TensorValue>& rows, std::int64_t padding) {
    std::int64_t longest = 0;
    for (const auto& row : rows) longest = std::max(longest, row.shape.empty() ? 0 : row.shape.front());
    for (auto& row : rows) {
        if (row.shape.size() != 1 || row.shape.front() == longest) continue;
        std::vector<std::byte> wide(static_cast<std::size_t>(longest) * values::element_size(row.datatype));
        pad_rows(row, 1, longest, padding, wide.data());
        row.bytes = std::move(wide);
        row.shape = {longest};
    }
}

} // namespace

TensorRows join_rows(std::vector<TensorValue> rows, std::int64_t padding) {
    if (rows.empty() || rows.size() > static_cast<std::size_t>(max_rows))
        throw InputError{fmt::format("the input has {} rows, 1 to {} are taken at once", rows.size(), max_rows)};
    fill_up(rows, padding);
    for (const auto& row : rows)
        if (row.shape != rows.front().shape)
            throw InputError{fmt::format("the rows have different shapes, {} and {}; send each by itself",
                                         values::shape_text(rows.front().shape), values::shape_text(row.shape))};
    TensorRows result{static_cast<std::int64_t>(rows.size()), std::move(rows.front())};
    auto& bytes = result.value.bytes;
    bytes.reserve(bytes.size() * rows.size());
    auto& pictures = result.value.pictures;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        bytes.insert(bytes.end(), rows[i].bytes.begin(), rows[i].bytes.end());
        pictures.insert(pictures.end(), rows[i].pictures.begin(), rows[i].pictures.end());
        result.value.tokens += rows[i].tokens;
    }
    return result;
}

bool is_raw_size(std::size_t size, const values::TensorSpec& spec) {
    const auto count = values::element_count(spec.shape); // none: an open dimension
    return count && size == *count * values::element_size(spec.datatype);
}

TensorRows parse_raw(std::string_view bytes, const values::TensorSpec& spec) {
    if (!is_raw_size(bytes.size(), spec))
        throw InputError{fmt::format("raw bytes must be those of one tensor {} {}", values::name(spec.datatype),
                                     values::shape_text(spec.shape))};
    if (spec.datatype == values::Datatype::boolean &&
        std::any_of(bytes.begin(), bytes.end(), [](char c) { return c != 0 && c != 1; }))
        throw InputError{"raw bytes of BOOL must be 0 or 1"};
    TensorRows result{1, {spec.datatype, spec.shape, std::vector<std::byte>(bytes.size())}};
    std::memcpy(result.value.bytes.data(), bytes.data(), bytes.size());
    return result;
}

} // namespace millrace::inference::worker
