#include "cli/text.hpp"

#include "base/json_text.hpp"
#include "base/unseen.hpp"
#include "base/utf8.hpp"

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

// Indents compact JSON, text by text: nothing in it is read as a number, so nothing is rounded.
class Indenter {
public:
    explicit Indenter(std::string_view compact) : rest_{compact} {}

    std::string text() {
        value(0);
        return std::move(out_);
    }

private:
    void value(std::size_t depth) {
        if (rest_.starts_with("{}") || rest_.starts_with("[]")) return take(2);
        if (rest_.front() == '{') return members(depth);
        if (rest_.front() != '[') return take(scalar());
        return is_short_list() ? list_on_a_line(depth) : elements(depth);
    }

    void members(std::size_t depth) {
        while (rest_.front() != '}') {
            take(1); // the brace or the comma before
            line(depth + 1);
            take(scalar() + 1);
            out_ += ' ';
            value(depth + 1);
        }
        line(depth);
        take(1);
    }

    void elements(std::size_t depth) {
        while (rest_.front() != ']') {
            take(1);
            line(depth + 1);
            value(depth + 1);
        }
        line(depth);
        take(1);
    }

    void list_on_a_line(std::size_t depth) {
        for (bool first = true; rest_.front() != ']'; first = false) {
            take(1);
            if (!first) out_ += ' ';
            value(depth);
        }
        take(1);
    }

    // The length of the string, number or word that comes.
    std::size_t scalar() const { return scalar_at(0); }
    std::size_t scalar_at(std::size_t begin) const {
        if (rest_[begin] != '"') return std::min(rest_.find_first_of(",]}", begin), rest_.size()) - begin;
        auto at = begin + 1;
        while (rest_[at] != '"') at += rest_[at] == '\\' ? 2 : 1;
        return at + 1 - begin;
    }

    bool is_short_list() const {
        constexpr int most = 16;
        auto at = std::size_t{1};
        for (int count = 1; count <= most; ++count) {
            if (rest_[at] == '[' || rest_[at] == '{') return false;
            at += scalar_at(at) + 1;
            if (rest_[at - 1] == ']') return true;
        }
        return false;
    }

    void line(std::size_t depth) { (out_ += '\n').append(2 * depth, ' '); }
    void take(std::size_t size) {
        out_ += rest_.substr(0, size);
        rest_.remove_prefix(size);
    }

    std::string_view rest_;
    std::string out_;
};

} // namespace

std::string printable(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto [character, length] = first_character(text);
        if (length == 0) out += replacement_character;
        else if (character == '\n' || character == '\t' || character == '\r') out += ' ';
        else if (is_unseen(character)) out += '?';
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

std::string pretty(const json::value& value) { return seen_json(Indenter{json_text(value)}.text()); }

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
    return json_text(*found);
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
