#include "base/json_text.hpp"
#include "cli/commands.hpp"
#include "cli/service/settings.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "config/keys.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <ostream>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

struct ShowOptions {
    SettingOptions settings;
    bool origin = false, documented = false;
};

int show(Context& context, const ShowOptions& options) {
    if (options.documented) {
        context.out << config::documented_file();
        return done;
    }
    const auto loaded = load_settings(options.settings.flags(context), options.settings);
    for (const auto& warning : loaded.warnings) context.err << "warning: " << warning << '\n';
    if (context.json) {
        json::object all;
        for (const auto& [key, text] : config::settings(loaded.config))
            all[key] = {{"value", text}, {"origin", loaded.origins.at(key)}};
        print_raw(context, json_text(all));
        return done;
    }
    std::vector<Table::Column> columns{{.title = "KEY"}, {.title = "VALUE", .elastic = true}};
    if (options.origin) columns.push_back({.title = "FROM", .elastic = true});
    Table table{std::move(columns)};
    for (const auto& [key, text] : config::settings(loaded.config))
        table.row({key, text, options.origin ? loaded.origins.at(key) : ""});
    table.print(context);
    context.err << (loaded.file ? "read from " + loaded.file->string()
                                : "no file: " + config::default_file().string() + " does not exist")
                << '\n';
    return done;
}

int check(Context& context, const SettingOptions& options) {
    config::Loaded loaded;
    try {
        loaded = load_settings(options.flags(context), options);
    } catch (const Failure& failure) {
        throw Failure{failed, failure.what()}; // what this command was asked to find
    }
    for (const auto& warning : loaded.warnings) context.err << "warning: " << warning << '\n';
    const auto source = loaded.file ? loaded.file->string() : std::string{"defaults, environment and flags"};
    if (context.json)
        print_raw(context,
                  json_text(json::object{{"ok", true}, {"file", loaded.file ? json::value(source) : json::value()}}));
    else context.out << "ok: " << printable(source) << '\n';
    return done;
}

} // namespace

config::Settings SettingOptions::flags(const Context& context) const {
    config::Settings out;
    for (const auto& pair : set) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            throw Failure{usage, fmt::format("--set takes KEY=VALUE, not \"{}\"", pair)};
        out[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    if (!context.data.empty()) out["data"] = fs::absolute(context.data).lexically_normal().string();
    if (!context.socket.empty()) out["socket"] = fs::absolute(context.socket).lexically_normal().string();
    return out;
}

void add_setting_options(CLI::App& command, SettingOptions& options) {
    command.add_option("--config", options.file, "Read this file instead of ~/.config/millrace/millrace.toml")
        ->type_name("FILE");
    command.add_option("--set", options.set, "Set one value, stronger than file and environment; may be repeated")
        ->type_name("KEY=VALUE")
        ->take_all();
}

config::Loaded load_settings(config::Settings flags, const SettingOptions& options) {
    std::optional<fs::path> file;
    if (!options.file.empty()) file = fs::absolute(options.file);
    auto loaded = config::load(config::process_sources(std::move(flags), std::move(file)));
    if (!loaded) throw Failure{usage, loaded.error().detail};
    return std::move(*loaded);
}

void add_config(CLI::App& app, Context& context) {
    auto* group = app.add_subcommand("config", "Look at the settings and check them");
    group->require_subcommand(1, 1);

    auto show_options = std::make_shared<ShowOptions>(); // shared with the callback, which the app copies
    auto* show_command = group->add_subcommand("show", "Show every setting as it would hold for serve");
    show_command->add_flag("--origin", show_options->origin, "And where each value comes from");
    show_command->add_flag("--documented", show_options->documented, "Print the default file with every key explained");
    add_setting_options(*show_command, show_options->settings);
    show_command->footer("Examples:\n"
                         "  millrace config show --origin\n"
                         "  millrace config show --documented > ~/.config/millrace/millrace.toml");
    show_command->callback([&context, show_options] {
        context.action = [&context, show_options] { return show(context, *show_options); };
    });

    auto check_options = std::make_shared<SettingOptions>();
    auto* check_command = group->add_subcommand("check", "Read the settings without starting anything");
    add_setting_options(*check_command, *check_options);
    check_command->footer("Examples:\n"
                          "  millrace config check --config /etc/millrace/millrace.toml && systemctl reload millrace");
    check_command->callback([&context, check_options] {
        context.action = [&context, check_options] { return check(context, *check_options); };
    });
}

} // namespace millrace::cli
