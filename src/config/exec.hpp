// The commands of jobs of kind exec: sections [exec.NAME], of the file alone, for they are the administrator's list of
// what may be run. Their members are a table as the settings' are, in exec.cpp.
#pragma once
#include "config/config.hpp"
#include "config/toml.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace millrace::config {

bool is_exec(std::string_view key); // exec.NAME.MEMBER

// Takes one line over. `place` is file:line, for the error and the origin.
Result<void> apply_exec(Loaded& loaded, const TomlEntry& entry, const std::string& place);
// When all lines were taken: what is missing, defaults, warnings.
Result<void> complete_exec(Loaded& loaded);

void add_exec_settings(const ExecConfig& config, std::vector<Setting>& settings);
void add_exec_differences(const ExecConfig& before, const ExecConfig& after, std::vector<Change>& changes);

// The end of the documented file: a section with every member, commented out.
std::string exec_documentation();

} // namespace millrace::config
