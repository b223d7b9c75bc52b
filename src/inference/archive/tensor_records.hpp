// Holds what a pickle says about weights against the records that it names. libtorch 1.13 to 2.11 believe it: a record
// shorter than its storage, an offset or a stride beyond it, and a tensor shows whatever lies there in memory
// (torch/csrc/jit/serialization/unpickler.cpp, BINPERSID and rebuildTensor). Pure.
//
// Whoever lets a further call through (torch_global.hpp) checks here all that libtorch would take on trust in it.
#pragma once
#include "base/result.hpp"
#include "inference/archive/pickle_reader.hpp"
#include "inference/archive/zip_archive.hpp"

#include <functional>
#include <string_view>

namespace millrace::inference {

// The record of a storage's key, or none. Its content has been checked (zip_content.hpp).
using FindRecord = std::function<const ZipEntry*(std::string_view key)>;

// unprocessable with what is wrong with which record:
// - a storage's record is there and holds its elements, and fewer bytes more than one element has; what names the same
//   record again says the same of it;
// - a tensor's offset, sizes and strides lie within its storage, and none is negative or overflows;
// - a quantised tensor has the scales and zero points of its axis, a sparse one indices within its sizes;
// - other calls have the arguments that torch writes, and no function or class is kept as a value.
Result<void> check_tensors(const Pickle& pickle, const FindRecord& find);

} // namespace millrace::inference
