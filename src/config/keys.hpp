// The table of settings. A key is added here and in the struct of config.hpp, nowhere else.
#pragma once
#include "config/config.hpp"

#include <span>
#include <string>
#include <string_view>

namespace millrace::config {

struct Key {
    std::string_view name;     // section.word, or a word alone
    std::string_view kind;     // for people: path, address, number, size, true or false, one of …
    std::string_view fallback; // default, as text; empty: worked out by load(), as `help` says
    std::string_view help;     // lines for the documented file
    bool reloadable;           // takes effect at SIGHUP
    bool quoted;               // written as a string in TOML
    Result<void> (*set)(Config&, std::string_view text); // the error's detail says what is expected
    std::string (*get)(const Config&);
};

std::span<const Key> keys();
const Key* find_key(std::string_view name);
std::string environment_name(const Key& key); // http.listen → MILLRACE_HTTP_LISTEN
// The unknown name's nearest neighbour, for "did you mean"; empty when none is near.
std::string_view nearest_key(std::string_view name);

// The whole default file with every key explained and commented out, and a section of a command:
// embedded/millrace.toml.
std::string documented_file();

} // namespace millrace::config
