// Reads the part of TOML that settings need: comments, [section], key = value on one line with strings ("basic",
// 'literal'), integers, numbers, booleans and lists of strings. Anything else is an error with its line, never a guess.
#pragma once
#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::config {

struct TomlEntry {
    std::string key;  // with its section: http.listen
    std::string text; // the value without quotes
    std::size_t line = 0;
    std::optional<std::vector<std::string>> list; // ["a", "b"]; `text` is then empty
};

// invalid_argument with "line N: …". The same key twice is an error.
Result<std::vector<TomlEntry>> parse_toml(std::string_view text);

} // namespace millrace::config
