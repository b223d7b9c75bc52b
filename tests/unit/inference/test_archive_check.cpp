// Hostile archives, made from a small sound one by changing what must not be believed.
#include "inference/archive_check.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

using namespace millrace;
using namespace millrace::inference;

namespace {

template <class T>
void put(std::string& out, T value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }

struct Entry {
    std::string name, data = "x";
    std::uint16_t method = 0, flags = 0;
    std::uint32_t unpacked = UINT32_MAX;              // by default the size of data
    std::string local_name = {};                           // by default name
    std::uint32_t local_packed = UINT32_MAX;
    std::uint32_t offset = UINT32_MAX;                // of the local header, as the directory tells it
};

std::vector<Entry> sound_entries() {
    return {{.name = "m/data.pkl"},
            {.name = "m/constants.pkl"},
            {.name = "m/version", .data = "3\n"},
            {.name = "m/code/__torch__.py"},
            {.name = "m/data/0", .data = std::string(64, 'w')}};
}

std::string archive(const std::vector<Entry>& entries, std::uint16_t told_entries = UINT16_MAX) {
    std::string out, directory;
    for (const auto& e : entries) {
        const auto at = static_cast<std::uint32_t>(out.size());
        const auto size = static_cast<std::uint32_t>(e.data.size());
        const auto unpacked = e.unpacked == UINT32_MAX ? size : e.unpacked;
        const auto& local_name = e.local_name.empty() ? e.name : e.local_name;
        put(out, std::uint32_t{0x04034b50});
        for (const std::uint16_t v : {std::uint16_t{20}, e.flags, e.method, std::uint16_t{0}, std::uint16_t{0}})
            put(out, v);
        put(out, std::uint32_t{7}); // crc
        put(out, e.local_packed == UINT32_MAX ? size : e.local_packed);
        put(out, unpacked);
        put(out, static_cast<std::uint16_t>(local_name.size()));
        put(out, std::uint16_t{0});
        out += local_name + e.data;
        put(directory, std::uint32_t{0x02014b50});
        for (const std::uint16_t v :
             {std::uint16_t{20}, std::uint16_t{20}, e.flags, e.method, std::uint16_t{0}, std::uint16_t{0}})
            put(directory, v);
        put(directory, std::uint32_t{7});
        put(directory, size);
        put(directory, unpacked);
        put(directory, static_cast<std::uint16_t>(e.name.size()));
        for (int i = 0; i < 4; ++i) put(directory, std::uint16_t{0});
        put(directory, std::uint32_t{0});
        put(directory, e.offset == UINT32_MAX ? at : e.offset);
        directory += e.name;
    }
    const auto at = static_cast<std::uint32_t>(out.size());
    const auto count = told_entries == UINT16_MAX ? static_cast<std::uint16_t>(entries.size()) : told_entries;
    out += directory;
    put(out, std::uint32_t{0x06054b50});
    put(out, std::uint32_t{0});
    put(out, count);
    put(out, count);
    put(out, static_cast<std::uint32_t>(directory.size()));
    put(out, at);
    put(out, std::uint16_t{0});
    return out;
}

Result<ArchiveKind> check(const std::string& bytes, const ArchiveLimits& limits = {}) {
    return check_model_archive(std::as_bytes(std::span{bytes}), limits);
}

// The kind, or why not.
std::string reason(const std::string& bytes) {
    const auto kind = check(bytes);
    return kind ? std::string{name(*kind)} : kind.error().detail;
}

std::vector<Entry> sound_package() {
    return {{.name = "m/archive_format", .data = "pt2"},
            {.name = "m/version", .data = "3\n"},
            {.name = "m/data/aotinductor/model/c3f1.wrapper.so", .data = std::string(64, 'e')},
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
        {changed([](auto& e) { e[4].name = std::string{"m/a\0b", 5}; }), "path"},
        {changed([](auto& e) { e[4].name = "other/x"; }), "more than one folder"},
        {changed([](auto& e) { e[4].name = "m/version"; }), "twice"},
        {changed([](auto& e) { e[4].name = "m/Version"; }), "twice"}, // torch looks names up without regard to case
        {changed([](auto& e) { e[4].method = 12; }), "neither stored nor deflated"},
        {changed([](auto& e) { e[4].flags = 1; }), "encrypted"},
        {changed([](auto& e) { e[4].unpacked = 63; }), "sizes differ"},
        {changed([](auto& e) { e[4].method = 8, e[4].unpacked = 2'000'000'000; }), "times its size"},
        {changed([](auto& e) { e[4].local_name = "m/data/1"; }), "contradicts"},
        {changed([](auto& e) { e[4].local_packed = 10; }), "contradicts"},
        {changed([](auto& e) { e[4].offset = 0; }), "contradicts"},
        {changed([](auto& e) { e[4].offset = 0x7fffffff; }), "not where the directory says"},
        {changed([](auto& e) { e[4].offset = 3; }), "not where the directory says"},
        {changed([](auto& e) { e.erase(e.begin()); }), "data.pkl"},
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
    CHECK_MESSAGE(reason(outer + inner).find("does not lie where it should") != std::string::npos, reason(outer + inner));
    const std::string comment = "hello";
    outer[outer.size() - 2] = static_cast<char>(comment.size());
    CHECK_MESSAGE(reason(outer + comment).find("no zip directory") != std::string::npos, reason(outer + comment));
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
    CHECK_MESSAGE(reason(without_library()).find("no compiled library") != std::string::npos, reason(without_library()));
    for (const auto* smuggled : {"m/data.pkl", "m/code/__torch__.py"})
        CHECK_MESSAGE(reason(with({{.name = smuggled}})).find("at once") != std::string::npos, reason(with({{.name = smuggled}})));
    const auto exported = reason(archive({{.name = "m/models/model.json"}, {.name = "m/version"}}));
    CHECK_MESSAGE(exported.find("aoti_compile_and_package") != std::string::npos, exported);
}

TEST_CASE("an archive beyond the limits is refused") {
    CHECK(!check(archive(sound_entries()), {.max_entries = 4}));
    CHECK(!check(archive(sound_entries()), {.max_unpacked = 60}));
    CHECK(check(archive(sound_entries()), {.max_entries = 5, .max_unpacked = 100}).has_value());
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
