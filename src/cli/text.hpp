// Text for people. Pure, but for the terminal's width and what is drawn on it.
#pragma once
#include "base/clock.hpp"
#include "base/json.hpp"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

// What came from elsewhere, safe on a terminal: control characters and broken UTF-8 are replaced.
std::string printable(std::string_view text);
std::size_t columns(std::string_view text);                     // that it takes on a terminal, roughly: code points
std::string shortened(std::string_view text, std::size_t most); // with … at its end when cut

std::string size_text(std::uint64_t bytes);   // 512 B, 1.5 KiB, 2.0 GiB
std::string seconds_text(double seconds);     // 0.42 s, 12 s, 5 min, 3 h, 4 days
std::string pretty(const json::value& value); // indented by two, one member a line

// Members of answers; "-" where absent or null, numbers and booleans as text.
std::string member(const json::value& object, std::string_view name);
const json::value* find(const json::value& value, std::initializer_list<std::string_view> path);
std::string text_at(const json::value& value, std::initializer_list<std::string_view> path);
double number_at(const json::value& value, std::initializer_list<std::string_view> path); // 0 where absent
std::string age(const json::value& object, std::string_view name, Timestamp now);         // of an RFC 3339 member
std::string ago(const json::value& object, std::string_view name, Timestamp now);         // "5 min ago", "now"

std::size_t terminal_width(int descriptor); // 0: not a terminal

// One line on standard error that shows how far something is; nothing unless enabled. Redrawn ten times a second.
class Progress {
public:
    Progress(std::ostream& err, bool enabled, std::string label)
        : err_{err},
          enabled_{enabled},
          label_{std::move(label)} {}
    ~Progress() { clear(); }
    void show(double fraction, const std::string& note); // fraction 0…1; negative: unknown
    void clear();

private:
    std::ostream& err_;
    bool enabled_;
    std::string label_;
    Monotonic drawn_{};
    std::size_t drawn_columns_ = 0;
};

} // namespace millrace::cli
