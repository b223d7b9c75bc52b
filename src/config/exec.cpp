#include "config/exec.hpp"

#include "config/parse.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace millrace::config {
namespace {

constexpr std::string_view prefix = "exec.";
constexpr std::size_t longest_name = 64, most_arguments = 1000;

struct Member {
    std::string_view name;
    std::string_view fallback; // empty: the command itself has no default, the environment is empty
    std::string_view example, help;
    bool secret;                                         // values are not shown
    Result<void> (*set)(ExecCommand&, const TomlEntry&); // the error's detail says what is expected
    std::string (*get)(const ExecCommand&);
};

Error expected(std::string what) { return {Code::invalid_argument, std::move(what)}; }

Result<void> set_command(ExecCommand& command, const TomlEntry& entry) {
    const auto wrong = [] {
        return expected(
            R"(a list of strings that begins with an absolute path, such as ["/usr/bin/python3", "/srv/resize.py"])");
    };
    if (!entry.list || entry.list->empty() || entry.list->size() > most_arguments ||
        !entry.list->front().starts_with('/'))
        return wrong();
    for (const auto& argument : *entry.list)
        if (argument.find('\0') != std::string::npos) return wrong();
    command.command = *entry.list;
    return success();
}

bool is_variable(std::string_view name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && (name.front() < '0' || name.front() > '9') && std::all_of(name.begin(), name.end(), fits);
}

Result<void> set_environment(ExecCommand& command, const TomlEntry& entry) {
    const auto wrong = [] {
        return expected(
            R"(a list of variables, each once and none that begins with MILLRACE_, such as ["LANG=de_DE.UTF-8"])");
    };
    if (!entry.list) return wrong();
    std::vector<std::string_view> names;
    for (const auto& pair : *entry.list) {
        const std::string_view name{pair.data(), std::min(pair.find('='), pair.size())};
        if (name.size() == pair.size() || !is_variable(name) || name.starts_with("MILLRACE_") ||
            pair.find('\0') != std::string::npos)
            return wrong();
        if (std::find(names.begin(), names.end(), name) != names.end()) return wrong();
        names.push_back(name);
    }
    command.environment = *entry.list;
    return success();
}

Result<void> set_organizations(ExecCommand& command, const TomlEntry& entry) {
    if (!entry.list || entry.list->empty())
        return expected(R"(a list of organizations by name or id, such as ["default"], or ["*"] for all)");
    command.organizations = *entry.list;
    return success();
}

template <class T>
Result<void> set_number(const TomlEntry& entry,
                        Result<std::uint64_t> (*parse)(std::string_view, std::uint64_t, std::uint64_t),
                        std::uint64_t low, std::uint64_t high, T& target) {
    const auto value = parse(entry.list ? "[" : entry.text, low, high);
    if (!value) return value.error();
    target = static_cast<T>(*value);
    return success();
}

// As it stands in the file.
std::string shown(const std::vector<std::string>& list) {
    std::string out = "[";
    for (const auto& text : list) {
        out += out.size() > 1 ? ", \"" : "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') out += '\\';
            if (c == '\n') out += "\\n";
            else if (c == '\t') out += "\\t";
            else out += c;
        }
        out += '"';
    }
    return out + "]";
}

std::string shown_names(const std::vector<std::string>& environment) {
    std::vector<std::string> names;
    for (const auto& pair : environment) names.push_back(pair.substr(0, pair.find('=')) + "=(hidden)");
    return shown(names);
}

constexpr std::uint64_t most_output = 64 << 20, least_memory = 16 << 20, most_memory = std::uint64_t{1} << 50;

const std::array members{
    Member{"command", "", R"(["/usr/bin/python3", "/srv/resize.py"])",
           "The program, by its absolute path, and its arguments. No shell reads them.", false, set_command,
           +[](const ExecCommand& c) { return shown(c.command); }},
    Member{"environment", "", R"(["API_TOKEN=secret"])",
           "Variables beside PATH, LANG, HOME, TMPDIR and MILLRACE_*, each KEY=value.", true, set_environment,
           +[](const ExecCommand& c) { return shown_names(c.environment); }},
    Member{
        "timeout_seconds", "3600", "3600", "How long one attempt may run; the job's own limit may be shorter.", false,
        +[](ExecCommand& c, const TomlEntry& e) { return set_number(e, parse_integer, 1, 86'400, c.timeout_seconds); },
        +[](const ExecCommand& c) { return fmt::format("{}", c.timeout_seconds); }},
    Member{"memory_bytes", "1 GiB", "\"1 GiB\"", "Address space that each of its processes may take; 0: no limit.",
           false,
           +[](ExecCommand& c, const TomlEntry& e) {
               auto result = set_number(e, parse_size, 0, most_memory, c.memory_bytes);
               if (result && c.memory_bytes != 0 && c.memory_bytes < least_memory)
                   return Result<void>{expected("0 or at least 16 MiB")};
               return result;
           },
           +[](const ExecCommand& c) { return fmt::format("{}", c.memory_bytes); }},
    Member{"max_output_bytes", "1 MiB", "\"1 MiB\"", "The largest result.", false,
           +[](ExecCommand& c, const TomlEntry& e) {
               return set_number(e, parse_size, 1, most_output, c.max_output_bytes);
           },
           +[](const ExecCommand& c) { return fmt::format("{}", c.max_output_bytes); }},
    Member{"concurrency", "1", "1", "How many of it may run at once.", false,
           +[](ExecCommand& c, const TomlEntry& e) { return set_number(e, parse_integer, 1, 1000, c.concurrency); },
           +[](const ExecCommand& c) { return fmt::format("{}", c.concurrency); }},
    Member{"organizations", "", R"(["default"])",
           "Whose it is: the organizations, by name or id, whose jobs may run it; [\"*\"] for all.", false,
           set_organizations, +[](const ExecCommand& c) { return shown(c.organizations); }},
};

bool is_name(std::string_view name) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
    return !name.empty() && name.size() <= longest_name && std::all_of(name.begin(), name.end(), fits);
}

std::string key_of(const ExecCommand& command, const Member& member) {
    return fmt::format("{}{}.{}", prefix, command.name, member.name);
}

ExecCommand& find_or_add(Loaded& loaded, std::string_view name) {
    auto& commands = loaded.config.exec.commands;
    const auto at = std::lower_bound(commands.begin(), commands.end(), name,
                                     [](const ExecCommand& each, std::string_view n) { return each.name < n; });
    if (at != commands.end() && at->name == name) return *at;
    ExecCommand command;
    command.name = name;
    command.organizations = {"default"};
    for (const auto& member : members) {
        loaded.origins[key_of(command, member)] = "default";
        if (!member.fallback.empty()) (void)member.set(command, {{}, std::string{member.fallback}, 0, {}});
    }
    return *commands.insert(at, std::move(command));
}

const ExecCommand* find(const ExecConfig& config, std::string_view name) {
    for (const auto& command : config.commands)
        if (command.name == name) return &command;
    return nullptr;
}

} // namespace

bool is_exec(std::string_view key) {
    return key.starts_with(prefix) && key.find('.', prefix.size()) != std::string_view::npos;
}

Result<void> apply_exec(Loaded& loaded, const TomlEntry& entry, const std::string& place) {
    const auto dot = entry.key.rfind('.');
    const std::string_view name{entry.key.data() + prefix.size(), dot - prefix.size()};
    const std::string_view word{entry.key.data() + dot + 1, entry.key.size() - dot - 1};
    if (!is_name(name))
        return expected(fmt::format("{}: [exec.{}]: a command's name has at most {} of a-z, 0-9, _ and -", place, name,
                                    longest_name));
    const auto member =
        std::find_if(members.begin(), members.end(), [&](const Member& each) { return each.name == word; });
    if (member == members.end()) {
        std::string all;
        for (const auto& each : members) all += (all.empty() ? "" : ", ") + std::string{each.name};
        return expected(fmt::format("{}: a command has no setting \"{}\"; it has {}", place, word, all));
    }
    if (auto result = member->set(find_or_add(loaded, name), entry); !result)
        return expected(fmt::format("{}: {} must be {}", place, entry.key, result.error().detail));
    loaded.origins[entry.key] = place;
    return success();
}

Result<void> complete_exec(Loaded& loaded) {
    for (const auto& command : loaded.config.exec.commands) {
        if (command.command.empty()) {
            for (const auto& member : members)
                if (const auto& place = loaded.origins.at(key_of(command, member)); place != "default")
                    return expected(fmt::format("{}: [exec.{}] has no command", place, command.name));
        }
        // Not an error: the program may be on a disk that is mounted later, and other jobs need it not.
        if (::access(command.command.front().c_str(), X_OK) != 0)
            loaded.warnings.push_back(fmt::format("exec.{}.command: {} is no program that can be run here",
                                                  command.name, command.command.front()));
    }
    return success();
}

void add_exec_settings(const ExecConfig& config, std::vector<Setting>& settings) {
    for (const auto& command : config.commands)
        for (const auto& member : members) settings.push_back({key_of(command, member), member.get(command)});
}

void add_exec_differences(const ExecConfig& before, const ExecConfig& after, std::vector<Change>& changes) {
    for (const auto& now : after.commands) {
        const auto* then = find(before, now.name);
        if (!then) {
            changes.push_back({fmt::format("{}{}", prefix, now.name), "", "a new command", true});
            continue;
        }
        for (const auto& member : members) {
            const bool same =
                member.secret ? then->environment == now.environment : member.get(*then) == member.get(now);
            if (!same) changes.push_back({key_of(now, member), member.get(*then), member.get(now), true});
        }
    }
    for (const auto& then : before.commands)
        if (!find(after, then.name)) changes.push_back({fmt::format("{}{}", prefix, then.name), "a command", "", true});
}

std::string exec_documentation() {
    std::string out = "\n# Commands that jobs of kind exec may run, each in a section of its own. A job names one and "
                      "gives it an input:\n"
                      "# {\"kind\":\"exec\",\"payload\":{\"command\":\"resize\",\"input\":{\"width\":64}}}. They run "
                      "as the daemon's own user.\n"
                      "#[exec.resize]\n";
    for (const auto& member : members)
        fmt::format_to(std::back_inserter(out), "# {}\n#{} = {}\n", member.help, member.name, member.example);
    return out;
}

} // namespace millrace::config
