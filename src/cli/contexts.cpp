#include "cli/contexts.hpp"

#include "base/descriptor.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "cli/text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view file_name = "contexts.json";

Failure not_written(const fs::path& path) {
    return {failed, fmt::format("cannot write {}: {}", path.string(), std::strerror(errno))};
}

} // namespace

const NamedContext* Contexts::find(const std::string& name) const {
    for (const auto& each : all)
        if (each.name == name) return &each;
    return nullptr;
}

std::optional<NamedContext> Contexts::current() const {
    if (in_use.empty()) return std::nullopt;
    if (const auto* found = find(in_use)) return *found;
    throw Failure{usage, fmt::format("the context \"{}\" is in use and not there any more: millrace context use local",
                                     in_use)};
}

fs::path contexts_file() {
    const char* own = std::getenv("XDG_CONFIG_HOME");
    if (own && fs::path{own}.is_absolute()) return fs::path{own} / "millrace" / file_name;
    const char* home = std::getenv("HOME");
    if (home && fs::path{home}.is_absolute() && fs::path{home} != "/")
        return fs::path{home} / ".config/millrace" / file_name;
    return {};
}

Contexts read_contexts() {
    const auto path = contexts_file();
    std::ifstream in{path, std::ios::binary};
    if (path.empty() || !in) return {};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto value = parse_json(text);
    const auto* all = value ? cli::find(*value, {"contexts"}) : nullptr;
    if (!all || !all->is_array())
        throw Failure{usage, fmt::format("{} is not what `millrace context` writes; mend or remove it", path.string())};
    Contexts contexts;
    if (const auto* in_use = cli::find(*value, {"in_use"}); in_use && in_use->is_string())
        contexts.in_use = std::string_view{in_use->get_string()};
    for (const auto& each : all->get_array())
        contexts.all.push_back({member(each, "name"), member(each, "url"), member(each, "key")});
    return contexts;
}

// A new file takes the old one's place, so that nobody finds half of it.
void write_contexts(const Contexts& contexts) {
    json::array all;
    for (const auto& each : contexts.all) all.push_back({{"name", each.name}, {"url", each.url}, {"key", each.key}});
    const auto text = json_text(json::object{{"in_use", contexts.in_use}, {"contexts", std::move(all)}}) + "\n";
    const auto path = contexts_file();
    if (path.empty()) throw Failure{failed, "there is no home folder to keep contexts in: HOME is not set"};
    std::error_code ignored;
    fs::create_directories(path.parent_path(), ignored);
    const auto fresh = fs::path{path.string() + ".new"};
    Descriptor file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR)};
    if (!file || ::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0 ||
        ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::rename(fresh.c_str(), path.c_str()) != 0)
        throw not_written(path);
}

} // namespace millrace::cli
