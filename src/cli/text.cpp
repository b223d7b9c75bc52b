#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <ostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace millrace::cli {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::size_t sequence_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (length == 0 || first >= 0xf5 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!continues(text[i])) return 0;
    return length;
}

void append_pretty(std::string& out, const json::value& value, std::size_t indent) {
    const auto line = [&](std::size_t depth) { (out += '\n').append(2 * depth, ' '); };
    if (const auto* object = value.if_object(); object && !object->empty()) {
        char before = '{';
        for (const auto& each : *object) {
            out += before;
            before = ',';
            line(indent + 1);
            out += json::serialize(json::string{each.key()}) + ": ";
            append_pretty(out, each.value(), indent + 1);
        }
        line(indent);
        out += '}';
        return;
    }
    const auto* array = value.if_array();
    const bool plain = array && std::all_of(array->begin(), array->end(), [](const json::value& v) { return !v.is_structured(); });
    if (array && !array->empty() && !(plain && array->size() <= 16)) {
        char before = '[';
        for (const auto& each : *array) {
            out += before;
            before = ',';
            line(indent + 1);
            append_pretty(out, each, indent + 1);
        }
        line(indent);
        out += ']';
        return;
    }
    if (array && !array->empty()) {
        for (std::size_t i = 0; i < array->size(); ++i) append_pretty(out += i == 0 ? "[" : ", ", (*array)[i], indent);
        out += ']';
        return;
    }
    out += number_text(value);
}

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto length = sequence_length(text);
        const auto c = static_cast<unsigned char>(text[0]);
        const bool c1 = length == 2 && c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
        if (length == 0) out += "\xef\xbf\xbd";
        else if (c == '\n' || c == '\t' || c == '\r') out += ' ';
        else if (c < 0x20 || c == 0x7f || c1) out += '?';
        else out += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return out;
}

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string shortened(std::string_view text, std::size_t most) {
    if (columns(text) <= most) return std::string{text};
    if (most == 0) return {};
    std::size_t end = 0;
    for (std::size_t seen = 0; end < text.size(); ++end)
        if (!continues(text[end]) && ++seen == most) break;
    return std::string{text.substr(0, end)} + "…";
}

std::string size_text(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes);
    const char* unit = "";
    for (const char* each : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
        value /= 1024;
        unit = each;
        if (value < 1023.95) break;
    }
    return fmt::format("{:.1f} {}", value, unit);
}

std::string seconds_text(double seconds) {
    if (!(seconds >= 0)) return "0 s";
    if (seconds < 10) return fmt::format("{:.2f} s", seconds);
    if (seconds < 120) return fmt::format("{:.0f} s", seconds);
    if (seconds < 120 * 60) return fmt::format("{:.0f} min", seconds / 60);
    if (seconds < 48 * 3600) return fmt::format("{:.0f} h", seconds / 3600);
    return fmt::format("{:.0f} days", seconds / 86400);
}

std::string number_text(const json::value& v) {
    if (!v.is_double()) return json::serialize(v);
    const double number = v.as_double();
    if (!std::isfinite(number)) return "-";
    return fmt::format("{}", number);
}

std::string pretty(const json::value& value) {
    std::string out;
    append_pretty(out, value, 0);
    return out;
}

const json::value* find(const json::value& value, std::initializer_list<std::string_view> path) {
    const auto* at = &value;
    for (const auto name : path) {
        const auto* object = at->if_object();
        at = object ? field(*object, name) : nullptr;
        if (!at) return nullptr;
    }
    return at;
}

std::string text_at(const json::value& value, std::initializer_list<std::string_view> path) {
    const auto* found = find(value, path);
    if (!found) return "-";
    if (const auto* text = found->if_string()) return printable({text->data(), text->size()});
    return number_text(*found);
}

double number_at(const json::value& value, std::initializer_list<std::string_view> path) {
    const auto* found = find(value, path);
    return found && found->is_number() ? found->to_number<double>() : 0;
}

std::string member(const json::value& object, std::string_view name) { return text_at(object, {name}); }

std::string age(const json::value& object, std::string_view name, Timestamp now) {
    const auto* value = find(object, {name});
    const auto* text = value ? value->if_string() : nullptr;
    const auto then = text ? Timestamp::parse({text->data(), text->size()}) : std::nullopt;
    if (!then) return "-";
    const double seconds = std::chrono::duration<double>(now - *then).count();
    if (seconds < 0) return "in " + seconds_text(std::max(1.0, std::round(-seconds)));
    return seconds < 1 ? "now" : seconds_text(seconds);
}

std::string ago(const json::value& object, std::string_view name, Timestamp now) {
    const auto text = age(object, name, now);
    return text == "-" || text == "now" || text.starts_with("in ") ? text : text + " ago";
}

void Table::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (auto& cell : cells) cell = printable(cell);
    rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out, std::size_t width) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = columns(columns_[i].title);
        for (const auto& row : rows_) widest = std::max(widest, columns(row[i]));
        widths.push_back(widest);
    }
    std::size_t total = 2 * (columns_.size() - 1);
    for (const auto each : widths) total += each;
    // Too wide: elastic columns give way, the last first, down to eight characters.
    for (std::size_t i = columns_.size(); width != 0 && i-- > 0 && total > width;) {
        if (!columns_[i].elastic) continue;
        const auto least = std::min<std::size_t>(widths[i], std::max<std::size_t>(8, columns(columns_[i].title)));
        const auto gives = std::min(total - width, widths[i] - least);
        widths[i] -= gives;
        total -= gives;
    }
    const auto line = [&](const auto& cell) {
        std::string text;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const auto shown = shortened(cell(i), widths[i]);
            const std::string space(widths[i] - columns(shown), ' ');
            if (i > 0) text += "  ";
            text += columns_[i].align == Align::right ? space + shown : shown + space;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out << (width == 0 ? text : shortened(text, width)) << '\n';
    };
    line([&](std::size_t i) -> std::string_view { return columns_[i].title; });
    for (const auto& row : rows_) line([&](std::size_t i) -> std::string_view { return row[i]; });
}

std::size_t terminal_width(int descriptor) {
    if (!::isatty(descriptor)) return 0;
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

void Progress::show(double fraction, const std::string& note) {
    constexpr int cells = 24;
    const auto now = std::chrono::steady_clock::now();
    if (!enabled_ || (drawn_columns_ > 0 && now - drawn_ < std::chrono::milliseconds{100})) return;
    drawn_ = now;
    std::string line = label_ + "  ";
    if (fraction >= 0) {
        const int full = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * cells);
        for (int i = 0; i < cells; ++i) line += i < full ? "█" : "░";
        line += fmt::format(" {:3.0f}%  ", std::clamp(fraction, 0.0, 1.0) * 100);
    }
    line += note;
    const auto wide = columns(line);
    err_ << '\r' << line << std::string(drawn_columns_ > wide ? drawn_columns_ - wide : 0, ' ') << std::flush;
    drawn_columns_ = wide;
}

void Progress::clear() {
    if (drawn_columns_ == 0) return;
    err_ << '\r' << std::string(drawn_columns_, ' ') << '\r' << std::flush;
    drawn_columns_ = 0;
}

} // namespace millrace::cli
