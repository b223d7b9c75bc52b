#include "cli/commands.hpp"
#include "cli/service/settings.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <utility>

namespace millrace::cli {

void add_serve(CLI::App& app, Context& context, Serve serve) {
    struct Options {
        SettingOptions settings;
        std::string listen, log_level;
        Serve serve;
    };
    auto options = std::make_shared<Options>(); // shared with the callback, which the app copies
    options->serve = std::move(serve);
    auto* command = app.add_subcommand("serve", "Run the daemon until it is told to stop");
    command->add_option("--listen", options->listen, "Where to serve HTTP (127.0.0.1:7878)")->type_name("ADDRESS:PORT");
    command->add_option("--log-level", options->log_level, "debug, info, warning or error")->type_name("LEVEL");
    add_setting_options(*command, options->settings);
    command->footer("Examples:\n"
                    "  millrace serve\n"
                    "  millrace serve --data ./data --listen 127.0.0.1:8080\n"
                    "  millrace serve --config /etc/millrace/millrace.toml --set jobs.concurrency=8\n"
                    "\n"
                    "SIGTERM or Ctrl-C drains and stops; SIGHUP reads the configuration again.");
    command->callback([&context, options] {
        context.action = [&context, options] {
            auto flags = options->settings.flags(context);
            if (!options->listen.empty()) flags["http.listen"] = options->listen;
            if (!options->log_level.empty()) flags["log.level"] = options->log_level;
            return options->serve(load_settings(std::move(flags), options->settings));
        };
    });
}

} // namespace millrace::cli
