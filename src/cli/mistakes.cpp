#include "cli/mistakes.hpp"

#include "base/spelling.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::cli {
namespace {

std::vector<const CLI::App*> children_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
}

const CLI::App* child_of(const CLI::App& app, std::string_view name) {
    for (const auto* child : app.get_subcommands([](const CLI::App*) { return true; }))
        if (child->get_name() == name) return child;
    return nullptr;
}

std::string hint(std::string_view before, std::string_view word, const std::vector<std::string_view>& known) {
    const auto near = nearest(word, known);
    return near.empty() ? std::string{} : fmt::format("; did you mean {}{}?", before, near);
}

std::string no_such_command(const CLI::App& app, const std::string& path, std::string_view word) {
    std::vector<std::string> names;
    for (const auto* child : children_of(app)) names.push_back(child->get_name());
    std::vector<std::string_view> known{names.begin(), names.end()};
    auto meant = hint(path + " ", word, known);
    if (meant.empty()) {
        meant = "; there are";
        for (const auto& name : names) meant += (&name == &names.front() ? " " : ", ") + name;
    }
    return fmt::format("there is no command \"{} {}\"{}", path, word.substr(0, 60), meant);
}

void add_options(const CLI::App& app, std::vector<std::string>& names) {
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames()) names.push_back(name);
}

} // namespace

Mistake mistake_in(const CLI::App& app, std::span<const char* const> words) {
    Mistake mistake;
    std::vector<std::string> options;
    const auto* at = &app;
    add_options(app, options);
    bool is_value = false; // of the option before
    for (const std::string_view word : words) {
        if (word == "--") break;
        if (word.starts_with("--")) {
            const auto name = word.substr(2, word.find('=') - 2);
            const bool known = std::find(options.begin(), options.end(), name) != options.end();
            if (!known)
                mistake.sentence = fmt::format("there is no option \"--{}\" of {}{}", name.substr(0, 60), mistake.path,
                                               hint("--", name, {options.begin(), options.end()}));
            if (!known) return mistake;
            const auto* option = at->get_option_no_throw("--" + std::string{name});
            if (!option) option = app.get_option_no_throw("--" + std::string{name});
            is_value = option && option->get_items_expected_min() > 0 && word.find('=') == std::string_view::npos;
            continue;
        }
        if (std::exchange(is_value, false) || word.starts_with('-')) continue;
        if (children_of(*at).empty()) continue; // what a command takes itself
        const auto* child = child_of(*at, word);
        if (!child) {
            mistake.sentence = no_such_command(*at, mistake.path, word);
            return mistake;
        }
        at = child;
        add_options(*at, options);
        mistake.path += ' ' + at->get_name();
    }
    return mistake;
}

} // namespace millrace::cli
