#include "base/nearest_double.hpp"

#include <charconv>
#include <cmath>

namespace millrace {

std::optional<double> nearest_double(std::string_view text, double about) {
    double value = 0;
    const auto failure = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    if (failure == std::errc{}) return std::isfinite(value) ? std::optional{value} : std::nullopt;
    return std::abs(about) < 1 ? std::optional{text.starts_with('-') ? -0.0 : 0.0}
                               : std::nullopt; // too small, or too large
}

} // namespace millrace
