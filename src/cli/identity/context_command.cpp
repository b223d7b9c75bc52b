#include "base/json_text.hpp"
#include "cli/client.hpp"
#include "cli/commands.hpp"
#include "cli/contexts.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

bool is_plain(const std::string& name) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == std::string::npos;
}

// One line from standard input, so that no list of processes and no history has the key.
std::string key_from(const std::string& given, std::istream& in) {
    if (given != "-") return given;
    std::string line;
    std::getline(in, line);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    return line;
}

int add(Context& context, const std::string& name) {
    if (!is_plain(name) || name == this_machine)
        throw Failure{usage, "a context has a name of letters, digits, - _ and . that is not \"local\""};
    if (context.url.empty())
        throw Failure{usage, "--url says where the daemon is, as in --url https://queue.example.org"};
    context.key = key_from(context.key.empty() ? "-" : context.key, std::cin);
    const auto answer = Client{context}.get("/api/v1/status"); // is it one, and does it take the key?
    auto contexts = read_contexts();
    std::erase_if(contexts.all, [&](const NamedContext& each) { return each.name == name; });
    contexts.all.push_back({name, context.url, context.key});
    contexts.in_use = name;
    write_contexts(contexts);
    if (context.json) print_raw(context, json_text(json::object{{"name", name}, {"url", context.url}}));
    else
        context.out << fmt::format("{} is in use: {}, version {}\n", name, at_url(context.url).text(),
                                   member(answer, "version"));
    return done;
}

int use(Context& context, const std::string& name) {
    auto contexts = read_contexts();
    if (name != this_machine && !contexts.find(name))
        throw Failure{usage, fmt::format("there is no context \"{}\"; see millrace context list", name)};
    contexts.in_use = name == this_machine ? "" : name;
    write_contexts(contexts);
    if (!context.json) context.out << name << " is in use\n";
    return done;
}

int remove(Context& context, const std::string& name) {
    auto contexts = read_contexts();
    if (!contexts.find(name)) throw Failure{failed, fmt::format("there is no context \"{}\"", name)};
    std::erase_if(contexts.all, [&](const NamedContext& each) { return each.name == name; });
    if (contexts.in_use == name) contexts.in_use.clear();
    write_contexts(contexts);
    if (!context.json) context.out << name << " is forgotten; its key still works until it is revoked\n";
    return done;
}

int list(Context& context) {
    const auto contexts = read_contexts();
    if (context.json) {
        json::array all;
        for (const auto& each : contexts.all)
            all.push_back({{"name", each.name}, {"url", each.url}, {"in_use", each.name == contexts.in_use}});
        print_raw(context, json_text(json::object{{"data", std::move(all)}}));
        return done;
    }
    Table table{{{.title = "NAME"}, {.title = "IN USE"}, {.title = "URL", .elastic = true}}};
    table.row({this_machine, contexts.in_use.empty() ? "yes" : "", "the daemon of this machine"});
    for (const auto& each : contexts.all) table.row({each.name, each.name == contexts.in_use ? "yes" : "", each.url});
    table.print(context);
    return done;
}

} // namespace

void add_context(CLI::App& app, Context& context) {
    auto* group =
        app.add_subcommand("context", "Daemons elsewhere: give one a name, and choose which the commands ask");
    group->require_subcommand(1, 1);
    auto name = std::make_shared<std::string>(); // shared with the callbacks, which the app copies
    const auto named = [&](const char* verb, const char* what, int (*action)(Context&, const std::string&)) {
        auto* command = group->add_subcommand(verb, what);
        command->add_option("name", *name, "Its name; \"local\" is the daemon of this machine")
            ->required()
            ->type_name("");
        command->callback(
            [&context, name, action] { context.action = [&context, name, action] { return action(context, *name); }; });
        return command;
    };
    named("add", "Keep the --url and the --key of a daemon, and use it from now on", add)
        ->footer(
            "The key is read from standard input unless --key gives it. The daemon is asked whether it takes it.\n\n"
            "Examples:\n"
            "  millrace context add prod --url https://queue.example.org < key.txt\n"
            "  millrace context add lab --url http://10.0.0.5:7878 --key mr_…");
    named("use", "Let all commands ask this one", use)
        ->footer("Examples:\n  millrace context use prod\n  millrace context use local");
    named("remove", "Forget one and its key", remove)->footer("Examples:\n  millrace context remove lab");
    auto* listed = group->add_subcommand("list", "List them");
    listed->footer("Examples:\n  millrace context list\n  millrace --context lab status");
    listed->callback([&context] { context.action = [&context] { return list(context); }; });
}

} // namespace millrace::cli
