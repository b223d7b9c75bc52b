// The URL of a PostgreSQL database: postgres://user:password@host:port/database?sslmode=verify-full…
#pragma once
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace millrace::config {

// Empty, or one whose scheme is postgres or postgresql: libpq reads the rest.
Result<std::string> parse_store_url(std::string_view text);
// For people and logs: the password is written as ***.
std::string without_password(std::string_view url);

} // namespace millrace::config
