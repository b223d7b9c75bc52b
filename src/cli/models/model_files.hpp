// The files that go with a model and its manifest.
#pragma once
#include "values/manifest_files.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace millrace::cli {

// Those that were given, and those that the manifest names and that lie beside it; by name. A manifest that cannot be
// read here names none: the daemon says what is wrong with it.
std::vector<std::filesystem::path> model_files(const std::string& manifest, const std::vector<std::string>& given);

// With their digests and sizes. Throws Failure when one cannot be read.
values::FileRefs digested(const std::vector<std::filesystem::path>& files);

} // namespace millrace::cli
