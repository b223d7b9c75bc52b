#include "cli/option_values.hpp"

#include "base/clock.hpp"
#include "cli/context.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

namespace millrace::cli {
namespace {

std::string whole_text(const std::string& text) {
    std::ostringstream out;
    if (text == "-") {
        out << std::cin.rdbuf();
    } else if (text.starts_with('@')) {
        std::ifstream file{text.substr(1), std::ios::binary};
        if (!file) throw Failure{failed, "cannot read " + text.substr(1)};
        out << file.rdbuf();
    } else {
        return text;
    }
    return out.str();
}

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional{value}
                                                                                       : std::nullopt;
}

// 90s, 30m, 2h, 7d.
std::optional<std::chrono::microseconds> span(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    const auto unit = text.back();
    const double seconds = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86'400 : 0;
    const auto count = number(text.substr(0, text.size() - 1));
    if (seconds == 0 || !count || !(*count >= 0 && *count * seconds < 1e10)) return std::nullopt;
    return std::chrono::microseconds{static_cast<std::int64_t>(*count * seconds * 1e6)};
}

} // namespace

json::value json_value(const std::string& text, std::string_view option) {
    auto value = parse_json(whole_text(text));
    if (!value) throw Failure{usage, fmt::format("{} is {}", option, value.error().detail)};
    return std::move(*value);
}

json::value kept_value(const std::string& text, std::string_view option) {
    const auto value = compact_json(whole_text(text));
    if (!value) throw Failure{usage, fmt::format("{} is {}", option, value.error().detail)};
    return keep_text(*value);
}

std::string moment_value(const std::string& text, std::string_view option) {
    if (Timestamp::parse(text)) return text;
    if (const auto from_now = span(text)) return (SystemClock::instance().now() + *from_now).text();
    throw Failure{
        usage,
        fmt::format("{} takes a time, such as 2027-01-01T00:00:00Z, or from now on 90s, 30m, 2h or 7d, not \"{}\"",
                    option, text)};
}

json::value retry_value(const std::string& text, std::string_view option) {
    if (text.starts_with('{') || text.starts_with('@')) return json_value(text, option);
    if (text.empty() || text.find_first_not_of("0123456789.,") != std::string::npos) return json::value(text);
    json::array delays;
    for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        const auto seconds = number(std::string_view{text}.substr(at, comma - at));
        if (!seconds) throw Failure{usage, fmt::format("{} takes seconds such as 1,5,30, not \"{}\"", option, text)};
        delays.emplace_back(*seconds);
        at = comma + 1;
    }
    return json::object{{"backoff", "list"}, {"delays_seconds", std::move(delays)}};
}

std::pair<std::string, std::string> pair_value(const std::string& text, std::string_view option,
                                               std::string_view form) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        throw Failure{usage, fmt::format("{} takes {}, not \"{}\"", option, form, text)};
    return {text.substr(0, equals), text.substr(equals + 1)};
}

} // namespace millrace::cli
