// Model files with changes at random: whatever comes of it, it comes as a value, in time. The same seeds each time, for
// some seconds; MILLRACE_FUZZ_SECONDS=600 goes on with other seeds for so long and prints what it did.
#include "inference/archive/pickle_reader.hpp"
#include "inference/archive/zip_archive.hpp"
#include "inference/archive/zip_content.hpp"
#include "inference/archive_check.hpp"
#include "unit/inference/archive/archive_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

using namespace millrace::inference;

namespace {

using Steady = std::chrono::steady_clock;
using Random = std::mt19937;

std::vector<std::string> corpus() {
    std::vector<std::filesystem::path> paths;
    for (const auto& each : std::filesystem::recursive_directory_iterator{std::filesystem::path{MILLRACE_SOURCE_DIR} /
                                                                          "tests/data/archives"})
        if (each.path().extension() == ".pt") paths.push_back(each.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> files;
    for (const auto& path : paths) {
        std::ifstream in{path, std::ios::binary};
        files.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
    }
    return files;
}

bool taken(const std::string& bytes) { return check_model_archive(std::as_bytes(std::span{bytes})).has_value(); }

void change_bytes(std::string& bytes, Random& random) {
    if (bytes.empty()) return;
    auto& byte = bytes[random() % bytes.size()];
    switch (random() % 4) {
    case 0: byte = static_cast<char>(random()); break;
    case 1: byte = '\xff'; break;
    case 2: byte = '\0'; break;
    default: byte = static_cast<char>(byte ^ (1 << random() % 8)); break;
    }
}

// Changes that a pickle notices: opcodes, numbers at their limits, parts twice, elsewhere or not at all.
void change_pickle(std::string& bytes, Random& random) {
    static const std::string opcodes = "().NKMJXc]}eubRQtqrhj\x80\x81\x85\x86\x87\x88\x89\x8aG";
    static const std::int64_t limits[] = {0, -1, 1, INT64_MAX, INT64_MIN, INT64_C(1) << 32, INT64_C(1) << 62, 65, 4096};
    if (bytes.size() < 4) return;
    const auto at = [&] { return 2 + random() % (bytes.size() - 2); };
    switch (random() % 6) {
    case 0: bytes.insert(at(), 1, opcodes[random() % opcodes.size()]); break;
    case 1: bytes[at()] = opcodes[random() % opcodes.size()]; break;
    case 2: bytes.insert(at(), archive_files::integer(limits[random() % std::size(limits)])); break;
    case 3: bytes.erase(at(), 1 + random() % 16); break;
    case 4: bytes.insert(at(), bytes.substr(at(), 1 + random() % 64)); break;
    default: change_bytes(bytes, random); break;
    }
}

// The archive with another pickle, as whole as the first.
std::string with_changed_pickles(const std::string& good, Random& random) {
    const auto entries = read_zip(std::as_bytes(std::span{good}));
    std::vector<archive_files::Entry> made;
    for (const auto& entry : *entries) {
        auto content = unpack(entry);
        const bool pickle = entry.name.ends_with("/data.pkl") || entry.name.ends_with("/constants.pkl") ||
                            entry.name.ends_with(".debug_pkl");
        if (pickle && random() % 2)
            for (auto changes = 1 + random() % 4; changes > 0; --changes) change_pickle(*content, random);
        if (!pickle && random() % 32 == 0) content->resize(random() % (content->size() + 2));
        made.push_back({.name = std::string{entry.name}, .data = std::move(*content)});
    }
    return archive_files::archive(made);
}

// Calls `once` with a seed, some times or for as long as is asked for.
template <class Once>
void repeat(const char* what, unsigned times, Once once) {
    const char* seconds = std::getenv("MILLRACE_FUZZ_SECONDS");
    const auto end = Steady::now() + std::chrono::seconds{seconds ? std::atoi(seconds) : 0};
    unsigned done = 0, accepted = 0;
    for (; done < times || Steady::now() < end; ++done) {
        Random random{20'260'101 + done};
        accepted += once(random);
    }
    CHECK(accepted < done);
    if (seconds) std::printf("%s: %u tried, %u taken\n", what, done, accepted);
}

} // namespace

TEST_CASE("changed bytes of model files never crash the check") {
    const auto files = corpus();
    REQUIRE(!files.empty());
    repeat("bytes of archives", 3000, [&](Random& random) {
        auto bytes = files[random() % files.size()];
        // Most of what a reader believes stands at the end.
        if (random() % 2) {
            auto directory = bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 2000));
            bytes.resize(bytes.size() - directory.size());
            for (auto changes = 1 + random() % 3; changes > 0; --changes) change_bytes(directory, random);
            bytes += directory;
        }
        for (auto changes = random() % 3; changes > 0; --changes) change_bytes(bytes, random);
        if (random() % 16 == 0) bytes.resize(random() % bytes.size());
        return taken(bytes);
    });
}

TEST_CASE("changed pickles in whole archives never crash the check") {
    const auto files = corpus();
    REQUIRE(!files.empty());
    repeat("pickles in archives", 2000,
           [&](Random& random) { return taken(with_changed_pickles(files[random() % files.size()], random)); });
}

TEST_CASE("texts of opcodes at random never crash the reader of pickles") {
    repeat("opcodes", 20000, [&](Random& random) {
        std::string bytes = archive_files::module_of({});
        for (auto changes = random() % 40; changes > 0; --changes) change_pickle(bytes, random);
        return read_pickle(bytes).has_value();
    });
}
