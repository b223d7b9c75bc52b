#include "cli/models/model_files.hpp"

#include "cli/context.hpp"
#include "cli/models/file_digest.hpp"
#include "values/manifest.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> named_by(const fs::path& manifest) {
    std::error_code failure;
    if (!fs::is_regular_file(manifest, failure) || fs::file_size(manifest, failure) > values::max_manifest_bytes)
        return {};
    std::ifstream in{manifest, std::ios::binary};
    const auto value = parse_json(std::string{std::istreambuf_iterator<char>{in}, {}});
    if (!value) return {};
    auto names = values::named_files(*value);
    return names ? std::move(*names) : std::vector<std::string>{};
}

} // namespace

std::vector<fs::path> model_files(const std::string& manifest, const std::vector<std::string>& given) {
    std::vector<fs::path> files(given.begin(), given.end());
    const auto is_given = [&](const std::string& name) {
        return std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.filename() == name; });
    };
    for (const auto& name : named_by(manifest)) {
        auto beside = fs::path{manifest}.parent_path() / name;
        std::error_code ignored;
        if (!is_given(name) && fs::is_regular_file(beside, ignored)) files.push_back(std::move(beside));
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.filename() < b.filename(); });
    return files;
}

values::FileRefs digested(const std::vector<fs::path>& files) {
    values::FileRefs refs;
    for (const auto& file : files) refs.push_back({file.filename().string(), file_digest(file), fs::file_size(file)});
    return refs;
}

} // namespace millrace::cli
