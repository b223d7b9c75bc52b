#include "config/config.hpp"

#include "config/exec.hpp"
#include "config/keys.hpp"
#include "config/toml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

extern char** environ;

namespace millrace::config {
namespace {

namespace fs = std::filesystem;

// Variables that start with MILLRACE_ and are no settings of the daemon.
constexpr std::string_view file_variable = "MILLRACE_CONFIG";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

fs::path user_folder(const char* xdg, std::string_view below_home) {
    // Relative values of XDG variables are to be ignored, by their specification.
    if (fs::path own = variable(xdg); own.is_absolute()) return own / "millrace";
    if (fs::path home = variable("HOME"); home.is_absolute() && home != "/") return home / below_home / "millrace";
    return {};
}

Error unknown(std::string_view where, std::string_view key) {
    const auto near = nearest_key(key);
    const auto hint =
        near.empty() ? std::string{"`millrace config show` lists them all"} : fmt::format("did you mean {}?", near);
    return {Code::invalid_argument, fmt::format("{}: there is no setting \"{}\"; {}", where, key, hint)};
}

Result<void> set(Loaded& out, const Key& key, std::string_view text, const std::string& where,
                 const std::string& origin) {
    if (auto result = key.set(out.config, text); !result) {
        const auto hint = result.error().detail;
        return Error{Code::invalid_argument,
                     fmt::format("{}: {} must be {}, not \"{}\"", where, key.name, hint, text.substr(0, 200))};
    }
    out.origins[std::string{key.name}] = origin;
    return success();
}

Result<void> apply_file(Loaded& out, const fs::path& path) {
    errno = 0;
    std::ifstream stream{path, std::ios::binary};
    std::ostringstream content;
    if (!stream || !(content << stream.rdbuf()) || stream.bad()) {
        std::error_code ignored;
        if (stream && !fs::is_directory(path, ignored) && fs::file_size(path, ignored) == 0) return success();
        const char* why = fs::is_directory(path, ignored) ? "it is a folder"
                          : errno                         ? std::strerror(errno)
                                                          : "it cannot be read";
        return Error{Code::invalid_argument, fmt::format("cannot read the configuration {}: {}", path.string(), why)};
    }
    auto entries = parse_toml(content.str());
    if (!entries) return Error{Code::invalid_argument, fmt::format("{}: {}", path.string(), entries.error().detail)};
    for (const auto& entry : *entries) {
        const auto place = fmt::format("{}:{}", path.string(), entry.line);
        const auto* key = find_key(entry.key);
        if (!key && is_exec(entry.key)) {
            if (auto result = apply_exec(out, entry, place); !result) return result.error();
            continue;
        }
        if (!key) return unknown(place, entry.key);
        if (entry.list && key->kind != "list")
            return Error{Code::invalid_argument,
                         fmt::format("{}: {} takes {}, not a list", place, key->name, key->kind)};
        const auto text = entry.list ? fmt::format("{}", fmt::join(*entry.list, ",")) : entry.text;
        if (auto result = set(out, *key, text, place, place); !result) return result.error();
    }
    return complete_exec(out);
}

// Read where they are obeyed, before there is a configuration.
// Where the commands find a daemon elsewhere (cli/endpoint.hpp).
bool is_for_commands(std::string_view variable) { return variable == "MILLRACE_URL" || variable == "MILLRACE_KEY"; }

bool is_for_tests(std::string_view variable) {
    return variable == "MILLRACE_CRASH_AT" || variable == "MILLRACE_DISK_FAULT";
}

Result<void> apply_environment(Loaded& out, const Settings& environment) {
    for (const auto& setting : environment) {
        const auto& name = setting.first;
        if (name == file_variable || is_for_commands(name) || is_for_tests(name)) continue;
        const auto all = keys();
        const auto key =
            std::find_if(all.begin(), all.end(), [&](const Key& each) { return environment_name(each) == name; });
        if (key == all.end()) {
            // Not an error: orchestrators set such variables for a service of this name (MILLRACE_SERVICE_HOST).
            out.warnings.push_back(fmt::format("the environment variable {} is no setting and is ignored", name));
            continue;
        }
        if (auto result = set(out, *key, setting.second, name, name); !result) return result.error();
    }
    return success();
}

Result<void> apply_flags(Loaded& out, const Settings& flags) {
    for (const auto& [name, text] : flags) {
        const auto* key = find_key(name);
        if (!key) return unknown("command line", name);
        if (auto result = set(out, *key, text, "command line", "flag"); !result) return result.error();
    }
    return success();
}

// What depends on other values or on the machine.
void resolve(Loaded& out) {
    auto& config = out.config;
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    if (config.data.empty()) config.data = default_data();
    if (config.socket.empty()) config.socket = config.data / "admin.sock";
    if (config.http.io_threads == 0) config.http.io_threads = cores;
    if (config.inference.threads == 0) config.inference.threads = cores;
    if (config.inference.runtime.empty()) {
        std::error_code ignored;
        for (const auto& candidate : runtime_candidates(out.sources.executable))
            if (fs::is_regular_file(candidate, ignored)) {
                config.inference.runtime = candidate.string();
                break;
            }
    }
}

// The longest path that a unix socket's address holds.
constexpr std::size_t longest_socket = 107;

Result<void> check(const Loaded& loaded) {
    const auto& socket = loaded.config.socket;
    if (socket.string().size() > longest_socket)
        return Error{
            Code::invalid_argument,
            fmt::format("the socket's path has {} bytes and the system takes {}: set socket to a shorter one than {}",
                        socket.string().size(), longest_socket, socket.string())};
    return success();
}

} // namespace

Sources process_sources(Settings flags, std::optional<fs::path> file) {
    Sources sources{std::move(flags), {}, std::move(file), {}};
    for (char** each = environ; each && *each; ++each) {
        const std::string_view pair{*each};
        const auto equals = pair.find('=');
        if (pair.starts_with("MILLRACE_") && equals != std::string_view::npos)
            sources.environment.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
    std::error_code ignored;
    sources.executable = fs::read_symlink("/proc/self/exe", ignored);
    return sources;
}

Result<Loaded> load(const Sources& sources) {
    Loaded out;
    out.sources = sources;
    for (const auto& key : keys()) {
        out.origins[std::string{key.name}] = "default";
        if (key.fallback.empty()) continue;
        if (auto result = key.set(out.config, key.fallback); !result)
            return Error{Code::internal, fmt::format("the default of {} is not acceptable", key.name)};
    }
    out.file = sources.file;
    if (const auto named = sources.environment.find(std::string{file_variable});
        !out.file && named != sources.environment.end())
        out.file = named->second;
    std::error_code ignored;
    if (!out.file && fs::exists(default_file(), ignored)) out.file = default_file();

    if (out.file)
        if (auto result = apply_file(out, *out.file); !result) return result.error();
    if (auto result = apply_environment(out, sources.environment); !result) return result.error();
    if (auto result = apply_flags(out, sources.flags); !result) return result.error();
    resolve(out);
    if (auto result = check(out); !result) return result.error();
    return out;
}

std::vector<Change> differences(const Config& before, const Config& after) {
    std::vector<Change> out;
    for (const auto& key : keys())
        if (auto from = key.get(before), to = key.get(after); from != to)
            out.push_back({std::string{key.name}, std::move(from), std::move(to), !key.reloadable});
    add_exec_differences(before.exec, after.exec, out);
    return out;
}

std::vector<Setting> settings(const Config& config) {
    std::vector<Setting> out;
    for (const auto& key : keys()) out.push_back({std::string{key.name}, key.get(config)});
    add_exec_settings(config.exec, out);
    return out;
}

fs::path default_file() {
    const auto folder = user_folder("XDG_CONFIG_HOME", ".config");
    return folder.empty() ? fs::path{"/etc/millrace/millrace.toml"} : folder / "millrace.toml";
}

fs::path default_data() {
    const auto folder = user_folder("XDG_STATE_HOME", ".local/state");
    return folder.empty() ? fs::path{"/var/lib/millrace"} : folder;
}

std::vector<fs::path> runtime_candidates(const fs::path& executable) {
    constexpr auto module = "libmillrace_torch.so";
    std::vector<fs::path> out;
    const auto folder = executable.parent_path();
    if (!executable.empty()) out.push_back((folder / "../lib/millrace" / module).lexically_normal());
    out.emplace_back(fs::path{"/usr/lib/millrace"} / module);
    if (executable.empty()) return out;
    // In a build folder there may be several; the official one is what the packages carry.
    for (const auto& runtimes : {folder / "runtime", folder.parent_path() / "runtime"}) {
        std::vector<fs::path> found;
        std::error_code failure;
        for (const auto& each : fs::directory_iterator{runtimes, failure}) found.push_back(each.path() / module);
        std::sort(found.begin(), found.end());
        std::stable_partition(found.begin(), found.end(),
                              [](const fs::path& p) { return p.parent_path().filename() == "official"; });
        out.insert(out.end(), found.begin(), found.end());
    }
    return out;
}

} // namespace millrace::config
