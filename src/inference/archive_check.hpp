// Looks at a model file before any torch call: it must be a zip archive as torch writes it, and nothing in its
// structure may lie (zip_archive.hpp). Pure.
#pragma once
#include "base/result.hpp"
#include "inference/zip_archive.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace millrace::inference {

enum class ArchiveKind {
    torchscript, // torch.jit.save
    aotinductor, // torch._inductor.aoti_compile_and_package
};
std::string_view name(ArchiveKind kind); // "torchscript", "aotinductor"

// unprocessable with the reason when `bytes` is not an archive to be trusted with. All entries lie in one FOLDER. A
// TorchScript archive has FOLDER/data.pkl, FOLDER/constants.pkl, a version (FOLDER/version, or FOLDER/.data/version from file
// format 6 on) and code (FOLDER/code/…); an AOTInductor package has a compiled library, FOLDER/data/aotinductor/MODEL/….so, and nothing that TorchScript would run.
Result<ArchiveKind> check_model_archive(std::span<const std::byte> bytes, const ArchiveLimits& limits = {});

} // namespace millrace::inference
