#include "inference/archive_check.hpp"

#include "inference/archive/compiled_library.hpp"
#include "inference/archive/foreign_format.hpp"
#include "inference/archive/script_archive.hpp"
#include "inference/archive/zip_content.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference {
namespace {

Error bad(std::string_view text) {
    return {Code::unprocessable, fmt::format("not an acceptable model file: {}", text)};
}

Result<void> check_kind(const ArchiveRecords& records, ArchiveKind kind) {
    return kind == ArchiveKind::torchscript ? check_script_archive(records) : check_compiled_package(records);
}

} // namespace

std::string_view name(ArchiveKind kind) {
    if (kind == ArchiveKind::chain) return "chain";
    return kind == ArchiveKind::torchscript ? "torchscript" : "aotinductor";
}

Result<ArchiveKind> check_model_archive(std::span<const std::byte> bytes, const ArchiveLimits& limits) {
    if (const auto foreign = foreign_format(bytes)) return bad(fmt::format("it is {}", *foreign));
    const auto entries = read_zip(bytes, limits);
    if (!entries) return bad(entries.error().detail);
    const auto records = ArchiveRecords::make(*entries);
    if (!records) return bad(records.error().detail);
    const auto kind = records->any_below("data/aotinductor/") ? ArchiveKind::aotinductor : ArchiveKind::torchscript;
    // Contents last: a file of the wrong kind need not be read whole to be told so.
    if (auto sound = check_kind(*records, kind); !sound) return bad(sound.error().detail);
    for (const auto& entry : *entries)
        if (auto sound = check_content(entry); !sound) return bad(sound.error().detail);
    return kind;
}

} // namespace millrace::inference
