// A tensor that owns its bytes, and how it is read from .npy and .npz files, JSON and raw bytes. Pure; InputError for
// what is wrong.
#pragma once
#include "base/json.hpp"
#include "inference/worker/image/image_placement.hpp"
#include "inference/worker/input/input_error.hpp"
#include "values/tensor.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::inference::worker {

struct TensorValue {
    values::Datatype datatype = values::Datatype::fp32;
    values::Shape shape;                     // without the batch dimension
    std::vector<std::byte> bytes;            // contiguous, row-major, little-endian
    bool absent = false;                     // of an optional input that the request leaves out
    std::vector<PictureGeometry> pictures{}; // one a row, where it was made of pictures
    std::int64_t tokens = 0;                 // of texts, before they are filled up
};

inline TensorValue absent_tensor() { return {values::Datatype::fp32, {}, {}, true}; }

inline constexpr std::int64_t max_rows = 1024; // of one request

// Several rows for one input: the value's shape is of one row, its bytes hold all of them.
struct TensorRows {
    std::int64_t rows = 1;
    TensorValue value;
};

// A value whose shape has one dimension more than `spec` brings rows along it; else it is one row. InputError when the
// shape is not one that the model takes.
TensorRows split_rows(TensorValue value, const values::TensorSpec& spec);
// The rows of one input that were made one by one, of one type; texts of an open length are filled up to the longest of
// them with `padding`. InputError where they differ in shape.
TensorRows join_rows(std::vector<TensorValue> rows, std::int64_t padding = 0);

bool is_npy(std::string_view bytes);
bool is_npz(std::string_view bytes); // any zip archive

// NumPy's format 1.0 and 2.0: little-endian numbers and bool, C order. Converted to the datatype of `spec` when that
// loses nothing but precision.
TensorRows parse_npy(std::string_view bytes, const values::TensorSpec& spec);

// The arrays of numpy.savez and savez_compressed by their names, as .npy files.
std::vector<std::pair<std::string, std::string>> unpack_npz(std::string_view bytes);

// The model's own bytes: one row, where the shape has no open dimension.
bool is_raw_size(std::size_t size, const values::TensorSpec& spec);
TensorRows parse_raw(std::string_view bytes, const values::TensorSpec& spec);

// {"data": nested or flat numbers, "shape"?, "datatype"?}, or the nested array alone.
TensorRows json_tensor(const json::value& value, const values::TensorSpec& spec);

} // namespace millrace::inference::worker
