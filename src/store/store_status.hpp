// What an operator wants to know of the database: its size and what is wasted in it, who holds it up, whether copies
// follow it. For a person who runs a command, beside a daemon or without one; reads only.
#pragma once
#include "base/json.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <string>

namespace millrace::store {

// An object with `driver`, `bytes`, `schema_version`, `mark` (why no daemon may start on it, where there is one), and
// what that driver knows. unavailable: it cannot be opened. `check`: whether SQLite looks at every page, which takes
// seconds.
Result<json::object> sqlite_status(const std::filesystem::path& data, bool check);
Result<json::object> postgres_status(const std::string& url);

} // namespace millrace::store
