// A tensor as an archive describes it: a record of the file, and where in it the tensor's elements lie. Pure.
#pragma once
#include "inference/archive/torch_global.hpp"
#include "inference/archive/zip_archive.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::inference {

struct StoredStorage {
    ElementType type;
    std::int64_t units = 0;           // of type.bytes bytes
    std::string_view key;             // the record's name below data/ or constants/
    const ZipEntry* record = nullptr; // none: the archive has no such record

    std::optional<std::string> fault() const; // why libtorch may not read it
    std::string described() const;            // "12 elements of Float"
};

struct StoredTensor {
    StoredStorage storage;
    std::int64_t offset = 0; // in elements, as the strides
    std::vector<std::int64_t> sizes, strides;

    std::optional<std::string> fault() const; // that an element lies outside of the storage, or a number is impossible
};

} // namespace millrace::inference
