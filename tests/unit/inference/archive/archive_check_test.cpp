// Hostile archives, made from a small sound one by changing what must not be believed.
#include "inference/archive_check.hpp"
#include "unit/inference/archive/archive_files.hpp"

#include <doctest/doctest.h>

#include <elf.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference;
using namespace archive_files;

namespace {

Result<ArchiveKind> check(const std::string& bytes, const ArchiveLimits& limits = {}) {
    return check_model_archive(std::as_bytes(std::span{bytes}), limits);
}

// The kind, or why not.
std::string reason(const std::string& bytes) {
    const auto kind = check(bytes);
    return kind ? std::string{name(*kind)} : kind.error().detail;
}

// An ELF file of one segment that says to have so many bytes, in a file of 176.
std::string library(std::uint64_t segment, unsigned char kind = ET_DYN) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_type = kind;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    Elf64_Phdr part{};
    part.p_type = PT_LOAD;
    part.p_filesz = part.p_memsz = segment;
    std::string out;
    put(out, header);
    put(out, part);
    return out + std::string(56, 'e');
}

std::vector<Entry> sound_package() {
    return {{.name = "m/archive_format", .data = "pt2"},
            {.name = "m/version", .data = "3\n"},
            {.name = "m/data/aotinductor/model/c3f1.wrapper.so", .data = library(64)},
            {.name = "m/data/aotinductor/model/c3f1.wrapper_metadata.json", .data = "{}"}};
}

std::string changed(const std::function<void(std::vector<Entry>&)>& change) {
    auto entries = sound_entries();
    change(entries);
    return archive(entries);
}

} // namespace

TEST_CASE("a sound archive and what torch itself writes are accepted") {
    CHECK(reason(archive(sound_entries())) == "torchscript");
    for (const auto* name : {"numbers.pt", "brightness.pt", "planes.pt"}) {
        std::ifstream in{std::filesystem::path{MILLRACE_SOURCE_DIR} / "tests/unit/inference/models" / name,
                         std::ios::binary};
        CHECK(reason({std::istreambuf_iterator<char>{in}, {}}) == "torchscript");
    }
}

TEST_CASE("a model of file format 6 or later (GELU, linspace) has its version in .data/, and one version only") {
    CHECK(reason(changed([](auto& e) { e[2].name = "m/.data/version"; })) == "torchscript");
    const auto both = reason(changed([](auto& e) { e.push_back({.name = "m/.data/version"}); }));
    CHECK_MESSAGE(both.find("two versions") != std::string::npos, both);
    const auto none = reason(changed([](auto& e) { e.erase(e.begin() + 2); }));
    CHECK_MESSAGE(none.find("\"version\" is missing") != std::string::npos, none);
}

TEST_CASE("a hostile archive is refused with its fault") {
    const std::pair<std::string, const char*> cases[] = {
        {"", "too short"},
        {std::string(1000, 'x'), "no zip directory"},
        {changed([](auto& e) { e[4].name = "m/../../etc/passwd"; }), "path"},
        {changed([](auto& e) { e[4].name = "/etc/passwd"; }), "path"},
        {changed([](auto& e) { e[4].name = "m//x"; }), "path"},
        {changed([](auto& e) { e[4].name = "m\\x"; }), "path"},
        {changed([](auto& e) {
             e[4].name = std::string{"m/a\0b", 5};
         }),
         "path"},
        {changed([](auto& e) { e[4].name = "other/x"; }), "more than one folder"},
        {changed([](auto& e) { e[4].name = "m/version"; }), "twice"},
        {changed([](auto& e) { e[4].name = "m/Version"; }), "twice"}, // torch looks names up without regard to case
        {changed([](auto& e) { e[4].method = 12; }), "neither stored nor deflated"},
        {changed([](auto& e) { e[4].flags = 1; }), "encrypted"},
        {changed([](auto& e) { e[4].unpacked = 63; }), "sizes differ"},
        {changed([](auto& e) { e[4].crc = 7; }), "checksum"},
        {changed([](auto& e) { e[3].data = "not deflated", e[3].method = 8; }), "cannot be unpacked"},
        {changed([](auto& e) { e.push_back({.name = "m/model.json"}); }), "PyTorch 1.0"},
        {changed([](auto& e) { e.push_back({.name = "m/Model.JSON"}); }), "PyTorch 1.0"},
        {changed([](auto& e) { e.push_back({.name = "m/byteorder", .data = "big"}); }), "byte order"},
        {changed([](auto& e) { e[2].data = "three"; }), "version is no number"},
        {changed([](auto& e) { e.push_back({.name = "m/.data/extern_modules"}); }), "torch.package"},
        {changed([](auto& e) { e.push_back({.name = "m/code/x.py.debug_pkl", .data = module_of({})}); }), "debug_pkl"},
        {changed([](auto& e) { e[4].method = 8, e[4].unpacked = 2'000'000'000; }), "times its size"},
        {changed([](auto& e) { e[4].local_name = "m/data/1"; }), "contradicts"},
        {changed([](auto& e) { e[4].local_packed = 10; }), "contradicts"},
        {changed([](auto& e) { e[4].offset = 0; }), "contradicts"},
        {changed([](auto& e) { e[4].offset = 0x7fffffff; }), "not where the directory says"},
        {changed([](auto& e) { e[4].offset = 3; }), "not where the directory says"},
        {changed([](auto& e) { e.erase(e.begin()); }), "data.pkl"},
        {changed([](auto& e) { e[0].data = pickle(")"); }), "data.pkl"},
        {changed([](auto& e) { e[1].data = module_of({}); }), "constants.pkl"},
        {changed([](auto& e) { e.erase(e.begin() + 1); }), "constants.pkl"},
        {changed([](auto& e) { e.erase(e.begin() + 3); }), "no code"},
        {archive({}), "entries"},
        {archive(sound_entries(), 4), "more than its entries"},
        {archive(sound_entries(), 6), "ends early"},
        {archive(sound_entries()).substr(1), "does not lie where it should"},
        {"x" + archive(sound_entries()), "does not lie where it should"},
        {archive(sound_entries()) + "PK", "no zip directory"},
    };
    for (const auto& [bytes, said] : cases) {
        INFO(said);
        CHECK_MESSAGE(reason(bytes).find(said) != std::string::npos, reason(bytes));
    }
    // Two entries that share their bytes: the sum of sizes would lie.
    auto overlapping = sound_entries();
    overlapping[4].data = archive({{.name = "m/data/1", .data = "inside"}});
    overlapping.push_back({.name = "m/data/1", .data = "inside"});
    auto once = archive(overlapping);
    const auto inner = once.find("PK\x03\x04", once.find("m/data/0"));
    overlapping[5].offset = static_cast<std::uint32_t>(inner);
    CHECK_MESSAGE(reason(archive(overlapping)).find("overlap") != std::string::npos, reason(archive(overlapping)));
}

TEST_CASE("a second directory in the comment of the first is refused: readers differ on which one counts") {
    auto outer = archive(sound_entries());
    const auto inner = archive({{.name = "m/data.pkl", .data = "another"}});
    outer[outer.size() - 2] = static_cast<char>(inner.size());
    CHECK_MESSAGE(reason(outer + inner).find("does not lie where it should") != std::string::npos,
                  reason(outer + inner));
    const std::string comment = "hello";
    outer[outer.size() - 2] = static_cast<char>(comment.size());
    CHECK_MESSAGE(reason(outer + comment).find("no zip directory") != std::string::npos, reason(outer + comment));
}

TEST_CASE("what people push instead of a model is named, with what to do") {
    const std::pair<std::string, const char*> cases[] = {
        {std::string{"\x80\x02}q\x00."}, "torch.jit.save"},
        {std::string{"\x40\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"}}", 30}, "safetensors"},
        {std::string{"\x08\x07\x12\x07pytorch", 11}, "ONNX"},
        {std::string{"\x18\0\0\0PTMF\0\0", 10}, "mobile"},
        {std::string{"\x1c\0\0\0TFL3\0\0", 10}, "TensorFlow Lite"},
        {std::string{"\x89HDF\r\n\x1a\n"}, "HDF5"},
        {std::string{"GGUF\x03"}, "GGUF"},
        {std::string{"\x1f\x8b\x08"}, "unpack"},
        {library(64), "aoti_compile_and_package"},
        {archive({{.name = "m/data.pkl"}, {.name = "m/version"}, {.name = "m/data/0"}}),
         "state_dict or a whole module"},
        {archive({{.name = "a.npy"}}), "neither"},
    };
    for (const auto& [bytes, said] : cases) {
        INFO(said);
        CHECK_MESSAGE(reason(bytes).find(said) != std::string::npos, reason(bytes));
    }
}

TEST_CASE("an AOTInductor package is told apart, and is not something else as well") {
    const auto with = [](std::vector<Entry> more) {
        auto entries = sound_package();
        entries.insert(entries.end(), more.begin(), more.end());
        return archive(entries);
    };
    const auto without_library = [] {
        auto entries = sound_package();
        entries.erase(entries.begin() + 2);
        return archive(entries);
    };
    CHECK(reason(archive(sound_package())) == "aotinductor");
    CHECK(reason(with({{.name = "m/data/weights/w0"}})) == "aotinductor");
    const auto with_library = [](const std::string& bytes) {
        auto entries = sound_package();
        entries[2].data = bytes;
        return reason(archive(entries));
    };
    for (const auto& broken :
         {library(177), library(64, ET_EXEC), library(64).substr(0, 100), std::string(64, 'e'), std::string{}})
        CHECK_MESSAGE(with_library(broken).find("no whole compiled library") != std::string::npos,
                      with_library(broken));
    CHECK_MESSAGE(reason(without_library()).find("no compiled library") != std::string::npos,
                  reason(without_library()));
    for (const auto* smuggled : {"m/data.pkl", "m/code/__torch__.py"})
        CHECK_MESSAGE(reason(with({{.name = smuggled}})).find("at once") != std::string::npos,
                      reason(with({{.name = smuggled}})));
    const auto exported = reason(archive({{.name = "m/models/model.json"}, {.name = "m/version"}}));
    CHECK_MESSAGE(exported.find("aoti_compile_and_package") != std::string::npos, exported);
}

TEST_CASE("an archive beyond the limits is refused") {
    CHECK(!check(archive(sound_entries()), {.max_entries = 4}));
    CHECK(!check(archive(sound_entries()), {.max_unpacked = 60}));
    CHECK(check(archive(sound_entries()), {.max_entries = 5, .max_unpacked = 1000}).has_value());
}

TEST_CASE("every truncation and every changed byte of an archive is survived") {
    const auto good = archive(sound_entries());
    for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(check(good.substr(0, n)).has_value());
    for (std::size_t i = 0; i < good.size(); ++i)
        for (const int bit : {0, 7}) {
            auto bad = good;
            bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
            (void)check(bad); // the sanitizers watch
        }
}
