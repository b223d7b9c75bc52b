// The report of a move, for people: on the screen and in the file beside the store.
#pragma once
#include "base/json.hpp"

#include <cstddef>
#include <iosfwd>

namespace millrace::cli {

// `width` of the terminal; 0: none.
void print_move(std::ostream& out, const json::value& report, std::size_t width);

} // namespace millrace::cli
