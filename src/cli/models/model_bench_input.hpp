// What a measurement sends: the files that were named, or what the manifest lets make up.
#pragma once
#include "values/manifest.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::cli {

struct BenchTarget {
    std::string model;
    std::string version; // empty: the one that traffic chooses
    const values::Manifest& manifest;
};

// Whether several of these inputs go in one request.
bool takes_batches(const values::Manifest& manifest, bool of_files);

// Whole HTTP requests of `batch` items each, several that differ. One picture, text, row or file goes to /predict, more
// of them as BYTES to the inference protocol; tensors that are made up always go there. Throws Failure when a file
// cannot be read, or when the model's inputs cannot be made up or not be sent together.
std::vector<std::string> bench_requests(const BenchTarget& target, const std::vector<std::filesystem::path>& files,
                                        std::size_t batch);

} // namespace millrace::cli
