#include "config/store_url.hpp"

#include <algorithm>

namespace millrace::config {

Result<std::string> parse_store_url(std::string_view text) {
    const bool known = text.empty() || text.starts_with("postgres://") || text.starts_with("postgresql://");
    if (known && text.find('\0') == std::string_view::npos) return std::string{text};
    return Error{Code::invalid_argument, "empty for SQLite, or a URL like postgres://user@host/database"};
}

std::string without_password(std::string_view url) {
    std::string shown{url};
    const auto cover = [&shown](std::size_t from, std::size_t to) { shown.replace(from, to - from, "***"); };
    if (const auto at = shown.find("password="); at != std::string::npos)
        cover(at + 9, std::min(shown.find('&', at), shown.size()));
    const auto user = shown.find("//");
    if (user == std::string::npos) return shown;
    const auto end = shown.rfind('@', shown.find('/', user + 2));
    const auto colon = shown.find(':', user);
    if (end != std::string::npos && colon < end) cover(colon + 1, end);
    return shown;
}

} // namespace millrace::config
