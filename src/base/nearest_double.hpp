// The double of a JSON number's text. boost's parser rounds twice: what it makes of 8.41 or 1e23 is often the
// neighbour.
#pragma once
#include <optional>
#include <string_view>

namespace millrace {

// The double nearest to `text`, a number by JSON's grammar, of which `about` is an estimate; nullopt past a double's
// range. What is too small is zero, with its sign.
std::optional<double> nearest_double(std::string_view text, double about);

} // namespace millrace
