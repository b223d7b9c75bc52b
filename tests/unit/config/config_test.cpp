#include "config/config.hpp"
#include "config/keys.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace millrace;
using namespace millrace::config;
namespace fs = std::filesystem;

namespace {

struct Folder {
    fs::path path;
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "millrace-config-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    fs::path write(const std::string& name, const std::string& text) const {
        std::ofstream{path / name} << text;
        return path / name;
    }
};

Sources with_file(const fs::path& file) {
    return Sources{.flags = {}, .environment = {}, .file = file, .executable = {}};
}

std::string failure(const Sources& sources) {
    const auto loaded = load(sources);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == Code::invalid_argument);
    return loaded.error().detail;
}

} // namespace

TEST_CASE("without any source the defaults hold and what depends on the machine is worked out") {
    Folder folder;
    const auto loaded = load(with_file(folder.write("empty.toml", "")));
    REQUIRE(loaded.has_value());
    const auto& config = loaded->config;
    CHECK(config.http.listen.text() == "127.0.0.1:7878");
    CHECK(config.http.max_connections == 4096);
    CHECK(config.http.max_body_bytes == 2ULL << 30);
    CHECK(config.http.io_threads >= 1);
    CHECK(config.inference.threads >= 1);
    CHECK(config.jobs.concurrency == 256);
    CHECK(config.data == default_data());
    CHECK(config.socket == config.data / "admin.sock");
    for (const auto& key : keys()) CHECK(loaded->origins.at(std::string{key.name}) == "default");
}

TEST_CASE("flags win over the environment, the environment over the file, the file over defaults") {
    Folder folder;
    const auto file =
        folder.write("a.toml",
                     "data = \"/srv/file\"\n[http]\nlisten = \"127.0.0.1:1\"\nio_threads = 3\nmax_connections = 10\n");
    auto sources = with_file(file);
    sources.environment = {{"MILLRACE_HTTP_LISTEN", "127.0.0.1:2"}, {"MILLRACE_HTTP_IO_THREADS", "4"}};
    sources.flags = {{"http.listen", "127.0.0.1:3"}};
    const auto loaded = load(sources);
    REQUIRE(loaded.has_value());
    CHECK(loaded->config.http.listen.port == 3);
    CHECK(loaded->config.http.io_threads == 4);
    CHECK(loaded->config.http.max_connections == 10);
    CHECK(loaded->config.data == "/srv/file");
    CHECK(loaded->config.socket == "/srv/file/admin.sock");
    CHECK(loaded->origins.at("http.listen") == "flag");
    CHECK(loaded->origins.at("http.io_threads") == "MILLRACE_HTTP_IO_THREADS");
    CHECK(loaded->origins.at("http.max_connections") == file.string() + ":5");
    CHECK(loaded->origins.at("store.readers") == "default");
}

TEST_CASE("an unknown key is refused with its place and the nearest name") {
    Folder folder;
    const auto file = folder.write("a.toml", "[http]\n\nlistne = \"127.0.0.1:1\"\n");
    const auto detail = failure(with_file(file));
    CHECK(detail.find(file.string() + ":3") != std::string::npos);
    CHECK(detail.find("did you mean http.listen?") != std::string::npos);

    Sources flags;
    flags.flags = {{"listen", "127.0.0.1:1"}};
    CHECK(failure(flags).find("did you mean http.listen?") != std::string::npos);
}

TEST_CASE("an unknown variable is ignored with a warning") {
    Folder folder;
    auto sources = with_file(folder.write("a.toml", ""));
    sources.environment = {{"MILLRACE_SERVICE_HOST", "10.0.0.1"}};
    const auto loaded = load(sources);
    REQUIRE(loaded.has_value());
    REQUIRE(loaded->warnings.size() == 1);
    CHECK(loaded->warnings[0].find("MILLRACE_SERVICE_HOST") != std::string::npos);
}

TEST_CASE("a bad value names the place, the key and what is expected") {
    Folder folder;
    const std::vector<std::pair<std::string, std::string>> bad{
        {"http.listen", "example.org:80"},
        {"http.listen", "127.0.0.1"},
        {"http.listen", "127.0.0.1:65536"},
        {"http.listen", "::1:80"},
        {"http.listen", "[127.0.0.1]:80"},
        {"http.max_connections", "0"},
        {"http.max_connections", "-1"},
        {"http.max_connections", "1e3"},
        {"http.max_connections", ""},
        {"http.max_body_bytes", "2 gib"},
        {"http.max_body_bytes", "99999999999 TiB"},
        {"log.level", "loud"},
        {"inference.enabled", "maybe"},
        {"data", "relative/path"},
    };
    for (const auto& [key, value] : bad) {
        CAPTURE(key);
        CAPTURE(value);
        Sources sources;
        sources.file = folder.write("empty.toml", "");
        sources.flags = {{key, value}};
        const auto detail = failure(sources);
        CHECK(detail.find(key + " must be ") != std::string::npos);
        CHECK(detail.find("not \"" + value + "\"") != std::string::npos);
    }
    const auto file = folder.write("b.toml", "# one\n[log]\nlevel = \"loud\"\n");
    CHECK(failure(with_file(file)) ==
          file.string() + ":3: log.level must be one of debug, info, warning, error, not \"loud\"");
}

TEST_CASE("sizes and addresses have readable forms") {
    Folder folder;
    Sources sources = with_file(folder.write(
        "a.toml",
        "[http]\nmax_body_bytes = \"512 KiB\"\nlisten = \"[::1]:0\"\n[inference]\nmemory_limit_bytes = 1_000\n"));
    const auto loaded = load(sources);
    REQUIRE(loaded.has_value());
    CHECK(loaded->config.http.max_body_bytes == 512 * 1024);
    CHECK(loaded->config.http.listen == Endpoint{"::1", 0});
    CHECK(loaded->config.http.listen.text() == "[::1]:0");
    CHECK(loaded->config.inference.memory_limit_bytes == 1000);
}

TEST_CASE("a file that is named must be there and readable") {
    Folder folder;
    CHECK(failure(with_file(folder.path / "absent.toml")).find("absent.toml: No such file") != std::string::npos);
    CHECK(failure(with_file(folder.path)).find("it is a folder") != std::string::npos);
}

TEST_CASE("a socket path longer than the system takes is refused with advice") {
    Sources sources;
    sources.flags = {{"data", "/" + std::string(120, 'd')}};
    CHECK(failure(sources).find("set socket to a shorter one") != std::string::npos);
}

TEST_CASE("a reload says what changed and what needs a restart") {
    Folder folder;
    const auto before = load(with_file(folder.write("a.toml", "[log]\nlevel = \"info\"\n")));
    const auto after = load(with_file(folder.write("a.toml", "[log]\nlevel = \"debug\"\n[store]\nreaders = 5\n")));
    REQUIRE(before.has_value());
    REQUIRE(after.has_value());
    const auto changes = differences(before->config, after->config);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].key == "log.level");
    CHECK(changes[0].to == "debug");
    CHECK_FALSE(changes[0].needs_restart);
    CHECK(changes[1].key == "store.readers");
    CHECK(changes[1].needs_restart);
    CHECK(differences(before->config, before->config).empty());
}

TEST_CASE("the runtime module is found beside the program") {
    Folder folder;
    fs::create_directories(folder.path / "bin");
    fs::create_directories(folder.path / "lib/millrace");
    const auto module = folder.write("lib/millrace/libmillrace_torch.so", "x");
    Sources sources = with_file(folder.write("a.toml", ""));
    sources.executable = folder.path / "bin/millrace";
    auto loaded = load(sources);
    REQUIRE(loaded.has_value());
    CHECK(loaded->config.inference.runtime == module.string());
}

TEST_CASE("of the runtime modules in a build folder the official one comes first") {
    Folder folder;
    for (const auto* name : {"debian", "official", "zeta"}) fs::create_directories(folder.path / "runtime" / name);
    fs::create_directories(folder.path / "src");
    const auto candidates = runtime_candidates(folder.path / "src/millrace");
    REQUIRE(candidates.size() == 5);
    CHECK(candidates[2] == folder.path / "runtime/official/libmillrace_torch.so");
    CHECK(candidates[3] == folder.path / "runtime/debian/libmillrace_torch.so");
}

TEST_CASE("the committed default file is what the table documents, and changes nothing") {
    const fs::path committed = fs::path{MILLRACE_SOURCE_DIR} / "embedded/millrace.toml";
    std::ostringstream text;
    text << std::ifstream{committed}.rdbuf();
    CHECK(text.str() == documented_file()); // write it anew: millrace config show --documented
    const auto loaded = load(with_file(committed));
    REQUIRE(loaded.has_value());
    for (const auto& [key, origin] : loaded->origins) CHECK(origin == "default");
}

TEST_CASE("every line of the documented file is acceptable once uncommented") {
    Folder folder;
    std::istringstream lines{documented_file()};
    std::string out;
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) {
        const bool setting = line.size() > 2 && line[0] == '#' && line[1] != ' ';
        count += setting;
        out += (setting ? line.substr(1) : line) + '\n';
    }
    const auto loaded = load(with_file(folder.write("all.toml", out)));
    REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().detail));
    CHECK(loaded->config.exec.commands.size() == 1);
    CHECK(count == settings(loaded->config).size() + 1); // and the line that begins the command's section
}

TEST_CASE("names of variables are unique and keys read back what they were given") {
    std::set<std::string> names;
    for (const auto& key : keys()) {
        CAPTURE(key.name);
        CHECK(names.insert(environment_name(key)).second);
        Config config;
        if (key.fallback.empty()) continue;
        REQUIRE(key.set(config, key.fallback).has_value());
        Config again;
        REQUIRE(key.set(again, key.get(config)).has_value());
        CHECK(key.get(again) == key.get(config));
    }
    CHECK(names.contains("MILLRACE_HTTP_LISTEN"));
}
