#include "inference/archive/script_archive.hpp"

#include "inference/archive/in_quotes.hpp"
#include "inference/archive/pickle_reader.hpp"
#include "inference/archive/tensor_records.hpp"
#include "inference/archive/zip_content.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference {
namespace {

constexpr std::uint64_t max_note = 64; // of version and byteorder

Error bad(std::string text) { return {Code::unprocessable, std::move(text)}; }

constexpr const char* how_to_save =
    "torch.jit.script or torch.jit.trace the module in Python and save that with torch.jit.save";

// What else is a zip archive in one folder.
Result<void> check_kind(const ArchiveRecords& records) {
    if (records.find("model.json"))
        return bad("it is a model of PyTorch 1.0; save it again with torch.jit.save of a later one");
    if (records.any_below("models/") || records.find("serialized_exported_program.json"))
        return bad("an exported program that is not compiled; make a package of it with "
                   "torch._inductor.aoti_compile_and_package");
    if (records.find(".data/extern_modules"))
        return bad(fmt::format("a torch.package, which is Python code; {}", how_to_save));
    const bool has_data = records.find("data.pkl") != nullptr;
    if (has_data && !records.any_below("code/"))
        return bad(fmt::format("it has no code: a file of torch.save (a state_dict or a whole module) needs Python; {}",
                               how_to_save));
    for (const auto* needed : {"data.pkl", "constants.pkl"})
        if (!records.find(needed))
            return bad(
                fmt::format("\"{}\" is missing (a state_dict or another kind of file? {})", needed, how_to_save));
    return success();
}

Result<std::string> read_note(const ZipEntry& entry) {
    if (entry.unpacked > max_note) return bad(fmt::format("{} is too long", in_quotes(entry.name)));
    return unpack(entry);
}

Result<void> check_version(const ArchiveRecords& records) {
    const auto *plain = records.find("version"), *hidden = records.find(".data/version");
    if (plain && hidden) return bad("it has two versions, \"version\" and \".data/version\"");
    if (!plain && !hidden)
        return bad(fmt::format("\"version\" is missing (a state_dict or another kind of file? {})", how_to_save));
    auto text = read_note(plain ? *plain : *hidden);
    if (!text) return text.error();
    while (text->ends_with('\n')) text->pop_back();
    const bool number = !text->empty() && text->size() < 10 &&
                        std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number) return bad(fmt::format("its version is no number, but {}", in_quotes(*text)));
    return success();
}

Result<void> check_byte_order(const ArchiveRecords& records) {
    const auto* entry = records.find("byteorder");
    if (!entry) return success();
    const auto text = read_note(*entry);
    if (!text) return text.error();
    if (*text != "little")
        return bad(
            fmt::format("its weights have the byte order {}; save it on a little-endian machine", in_quotes(*text)));
    return success();
}

// `folder`: where the records lie that the pickle names; none for a pickle without weights.
Result<void> check_pickle(const ArchiveRecords& records, const ZipEntry& entry, std::string_view folder,
                          PickleKind root) {
    const auto wrong = [&](const Error& why) { return bad(fmt::format("{}: {}", in_quotes(entry.name), why.detail)); };
    if (entry.unpacked > PickleLimits{}.bytes)
        return bad(fmt::format("{} has more than {} bytes", in_quotes(entry.name), PickleLimits{}.bytes));
    const auto bytes = unpack(entry);
    if (!bytes) return bytes.error();
    const auto pickle = read_pickle(*bytes);
    if (!pickle) return wrong(pickle.error());
    if (pickle->root.kind != root)
        return bad(fmt::format("{} does not hold what torch.jit.save puts there", in_quotes(entry.name)));
    const FindRecord find = [&](std::string_view key) -> const ZipEntry* {
        return folder.empty() ? nullptr : records.find(fmt::format("{}{}", folder, key));
    };
    if (auto sound = check_tensors(*pickle, find); !sound) return wrong(sound.error());
    return success();
}

} // namespace

Result<void> check_script_archive(const ArchiveRecords& records) {
    if (auto sound = check_kind(records); !sound) return sound;
    if (auto sound = check_version(records); !sound) return sound;
    if (auto sound = check_byte_order(records); !sound) return sound;
    if (auto sound = check_pickle(records, *records.find("constants.pkl"), "constants/", PickleKind::tuple); !sound)
        return sound;
    if (auto sound = check_pickle(records, *records.find("data.pkl"), "data/", PickleKind::object); !sound)
        return sound;
    for (const auto* entry : records.ending(".debug_pkl"))
        if (auto sound = check_pickle(records, *entry, {}, PickleKind::tuple); !sound) return sound;
    return success();
}

} // namespace millrace::inference
