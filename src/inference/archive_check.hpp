// Looks at a model file before any torch call: it must be a zip archive as torch writes it, and nothing in its
// structure may lie (zip_archive.hpp). Pure.
#pragma once
#include "base/result.hpp"
#include "inference/archive/zip_archive.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace millrace::inference {

enum class ArchiveKind {
    torchscript, // torch.jit.save
    aotinductor, // torch._inductor.aoti_compile_and_package
    chain,       // no archive: the steps of a chain have theirs
};
std::string_view name(ArchiveKind kind); // "torchscript", "aotinductor", "chain"

// unprocessable with the reason when `bytes` is not an archive to be trusted with. All entries lie in one folder, each
// is whole by its checksum, and what they hold is what script_archive.hpp or compiled_library.hpp asks for. The
// registry asks at the push, the worker before it loads: whatever libtorch would take on trust is checked here or
// below.
Result<ArchiveKind> check_model_archive(std::span<const std::byte> bytes, const ArchiveLimits& limits = {});

} // namespace millrace::inference
