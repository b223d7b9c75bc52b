// --config and --set, shared by the commands that read settings themselves.
#pragma once
#include "cli/context.hpp"
#include "config/config.hpp"

#include <string>
#include <vector>

namespace millrace::cli {

struct SettingOptions {
    std::string file;             // --config
    std::vector<std::string> set; // --set key=value

    // With --data and --socket of the context, made absolute. Throws Failure{usage}.
    config::Settings flags(const Context& context) const;
};

void add_setting_options(CLI::App& command, SettingOptions& options);

// Throws Failure{usage} with the place of the mistake.
config::Loaded load_settings(config::Settings flags, const SettingOptions& options);

} // namespace millrace::cli
