// The indices of a sparse tensor, which libtorch takes from an archive unseen and later reads and writes by. Pure.
#pragma once
#include "inference/archive/stored_tensor.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::inference {

// What is wrong: parts of other shapes than the sizes want, or an index outside of them.
std::optional<std::string> coo_fault(const std::vector<std::int64_t>& sizes, const StoredTensor& indices,
                                     const StoredTensor& values);
std::optional<std::string> csr_fault(const std::vector<std::int64_t>& sizes, const StoredTensor& rows,
                                     const StoredTensor& columns, const StoredTensor& values);

} // namespace millrace::inference
