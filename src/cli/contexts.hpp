// The daemons that a person has given names to: `millrace context`. Kept in $XDG_CONFIG_HOME/millrace/contexts.json
// (~/.config), which its owner alone may read, for it has their keys.
#pragma once
#include "cli/context.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::cli {

inline constexpr char this_machine[] = "local"; // names the daemon of this machine

struct NamedContext {
    std::string name, url, key;
};

struct Contexts {
    std::string in_use; // empty: the daemon of this machine
    std::vector<NamedContext> all;

    const NamedContext* find(const std::string& name) const;
    std::optional<NamedContext> current() const; // Failure{usage} when it is not there any more
};

std::filesystem::path contexts_file(); // empty: this user has no home

Contexts read_contexts();                      // none where there is no file
void write_contexts(const Contexts& contexts); // Failure{failed}

} // namespace millrace::cli
