#include "inference/archive/compiled_library.hpp"

#include "inference/archive/in_quotes.hpp"

#include <elf.h>

#include <fmt/format.h>

#include <cstring>

namespace millrace::inference {
namespace {

Error bad(std::string text) { return {Code::unprocessable, std::move(text)}; }

bool holds(std::string_view bytes, std::uint64_t at, std::uint64_t size) {
    return at <= bytes.size() && size <= bytes.size() - at;
}

// ELF-64, System V ABI: the program headers say what is mapped.
bool is_whole_library(std::string_view bytes) {
    Elf64_Ehdr header{};
    if (bytes.size() < sizeof header) return false;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr) ||
        !holds(bytes, header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr)))
        return false;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_LOAD &&
            (!holds(bytes, segment.p_offset, segment.p_filesz) || segment.p_filesz > segment.p_memsz))
            return false;
    }
    return header.e_phnum > 0;
}

} // namespace

Result<void> check_compiled_package(const ArchiveRecords& records) {
    if (records.find("data.pkl") || records.any_below("code/"))
        return bad("it is a TorchScript archive and an AOTInductor package at once");
    bool found = false;
    for (const auto* entry : records.ending(".so")) {
        const auto inside = entry->name.substr(entry->name.find('/') + 1); // data/aotinductor/MODEL/….so
        const std::string_view folder = "data/aotinductor/";
        if (!folded(inside).starts_with(folder) || inside.find('/', folder.size()) == inside.npos) continue;
        found = true;
        if (entry->deflated)
            return bad(fmt::format("{} is compressed; torch packs libraries as they are", in_quotes(entry->name)));
        if (!is_whole_library(entry->packed))
            return bad(fmt::format("{} is no whole compiled library", in_quotes(entry->name)));
    }
    if (!found) return bad("the AOTInductor package has no compiled library");
    return success();
}

} // namespace millrace::inference
