#include "events/live_place.hpp"

#include <fmt/format.h>

#include <charconv>

namespace millrace::events {
namespace {

template <class Number>
bool read(std::string_view text, Number& number) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc{} && end == text.data() + text.size() && !text.starts_with('-');
}

} // namespace

std::string LivePlace::text() const {
    return epoch.empty() ? std::to_string(number) : fmt::format("{}-{}-{}", number, epoch, position);
}

std::optional<LivePlace> LivePlace::parse(std::string_view text) {
    LivePlace place;
    const auto first = text.find('-');
    if (!read(text.substr(0, first), place.number)) return std::nullopt;
    if (first == std::string_view::npos) return place;
    const auto second = text.find('-', first + 1);
    if (second == std::string_view::npos || !read(text.substr(second + 1), place.position)) return std::nullopt;
    place.epoch = text.substr(first + 1, second - first - 1);
    if (place.epoch.empty()) return std::nullopt;
    return place;
}

} // namespace millrace::events
