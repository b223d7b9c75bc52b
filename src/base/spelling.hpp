// What a misspelt word may have meant. Pure.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace millrace {

// How many letters must be put in, left out or replaced to make one of the other (Levenshtein), for short words.
std::size_t distance(std::string_view a, std::string_view b);

// The nearest of the words; empty when none is near: a third of its letters are others, or more than two.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

} // namespace millrace
