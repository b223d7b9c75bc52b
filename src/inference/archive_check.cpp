#include "inference/archive_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace millrace::inference {
namespace {

using Names = std::vector<std::string_view>;

Error bad(std::string text) { return {Code::unprocessable, "not an acceptable model file: " + std::move(text)}; }

bool any_below(const Names& names, const std::string& folder) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view each) { return each.starts_with(folder); });
}

// FOLDER/data/aotinductor/MODEL/…: MODEL stands alone between its slashes.
bool has_compiled_library(const Names& names, const std::string& root) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view each) {
        return each.starts_with(root) && each.ends_with(".so") && each.find('/', root.size()) != std::string_view::npos;
    });
}

Result<ArchiveKind> check_torchscript(const Names& names, const std::string& folder) {
    const std::set<std::string_view> known{names.begin(), names.end()};
    const auto missing = [](const char* what) {
        return bad(fmt::format("\"{}\" is missing (a state_dict or another kind of file? save with torch.jit.save)", what));
    };
    for (const auto* needed : {"data.pkl", "constants.pkl"})
        if (!known.contains(folder + needed)) return missing(needed);
    // torch moves it to .data/ when the code has an operator of file format 6 or later: GELU, linspace …
    const auto versions = std::count_if(names.begin(), names.end(), [&](std::string_view each) {
        return each == folder + "version" || each == folder + ".data/version";
    });
    if (versions == 0) return missing("version");
    if (versions > 1) return bad("it has two versions, \"version\" and \".data/version\"");
    if (!any_below(names, folder + "code/")) return bad("it has no code (a state_dict? save with torch.jit.save)");
    return ArchiveKind::torchscript;
}

Result<ArchiveKind> check_aotinductor(const Names& names, const std::string& folder, const std::string& root) {
    const std::set<std::string_view> known{names.begin(), names.end()};
    if (known.contains(folder + "data.pkl") || any_below(names, folder + "code/"))
        return bad("it is a TorchScript archive and an AOTInductor package at once");
    if (!has_compiled_library(names, root)) return bad("the AOTInductor package has no compiled library");
    return ArchiveKind::aotinductor;
}

} // namespace

std::string_view name(ArchiveKind kind) { return kind == ArchiveKind::torchscript ? "torchscript" : "aotinductor"; }

Result<ArchiveKind> check_model_archive(std::span<const std::byte> bytes, const ArchiveLimits& limits) {
    const auto entries = read_zip(bytes, limits);
    if (!entries) return bad(entries.error().detail);
    Names names;
    for (const auto& entry : *entries) names.push_back(entry.name);
    const auto slash = names.front().find('/');
    if (slash == std::string_view::npos) return bad("entries lie in no folder");
    const std::string folder{names.front().substr(0, slash + 1)};
    if (!std::all_of(names.begin(), names.end(), [&](std::string_view each) { return each.starts_with(folder); }))
        return bad("entries lie in more than one folder");
    const std::string compiled = folder + "data/aotinductor/";
    if (any_below(names, compiled)) return check_aotinductor(names, folder, compiled);
    if (any_below(names, folder + "models/"))
        return bad("an exported program that is not compiled; make a package of it with torch._inductor.aoti_compile_and_package");
    return check_torchscript(names, folder);
}

} // namespace millrace::inference
