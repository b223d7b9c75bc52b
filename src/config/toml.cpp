#include "config/toml.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
}

// A cursor in one line.
class Line {
public:
    Line(std::string_view text, std::size_t number) : text_{text}, number_{number} {}

    Error wrong(std::string_view what) const {
        return {Code::invalid_argument, fmt::format("line {}: {}", number_, what)};
    }
    void skip_blanks() {
        while (!text_.empty() && is_blank(text_.front())) text_.remove_prefix(1);
    }
    bool at_end() {
        skip_blanks();
        return text_.empty() || text_.front() == '#';
    }
    bool take(char c) {
        skip_blanks();
        if (text_.empty() || text_.front() != c) return false;
        text_.remove_prefix(1);
        return true;
    }
    std::string_view bare() {
        skip_blanks();
        const auto end = std::find_if_not(text_.begin(), text_.end(), is_bare);
        const auto word = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
        text_.remove_prefix(word.size());
        return word;
    }
    Result<std::string> value();
    Result<std::vector<std::string>> list();
    bool at_list() {
        skip_blanks();
        return text_.starts_with('[');
    }

private:
    Result<std::string> string();
    Result<std::string> basic_string();
    Result<std::string> literal_string();
    Result<std::string> plain_value();

    std::string_view text_;
    std::size_t number_;
};

Result<std::string> Line::basic_string() {
    std::string out;
    for (std::size_t i = 1; i < text_.size(); ++i) {
        const char c = text_[i];
        if (c == '"') {
            text_.remove_prefix(i + 1);
            return out;
        }
        if (c != '\\') {
            out += c;
            continue;
        }
        const char escape = ++i < text_.size() ? text_[i] : '\0';
        switch (escape) {
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case '"':
        case '\\': out += escape; break;
        default: return wrong("unknown escape in a string; \\\\ stands for one backslash");
        }
    }
    return wrong("the string has no closing \"");
}

Result<std::string> Line::literal_string() {
    const auto end = text_.find('\'', 1);
    if (end == std::string_view::npos) return wrong("the string has no closing '");
    std::string out{text_.substr(1, end - 1)};
    text_.remove_prefix(end + 1);
    return out;
}

// true, false, integers with _ between digits, decimal numbers.
Result<std::string> Line::plain_value() {
    const bool negative = text_.front() == '-';
    if (negative || text_.front() == '+') text_.remove_prefix(1);
    std::string word{bare()};
    if (word == "true" || word == "false")
        return negative ? Result<std::string>{wrong("a sign before true or false")} : word;
    if (word.empty() || word.front() < '0' || word.front() > '9' || word.back() < '0' || word.back() > '9')
        return wrong("texts need quotes: key = \"value\"");
    for (const char c : word)
        if (c != '_' && c != '.' && (c < '0' || c > '9'))
            return wrong("not a number; texts need quotes: key = \"value\"");
    std::erase(word, '_');
    return negative ? '-' + word : word;
}

Result<std::string> Line::string() {
    if (text_.starts_with("\"\"\"") || text_.starts_with("'''"))
        return wrong("strings of several lines are not read here");
    return text_.front() == '"' ? basic_string() : literal_string();
}

Result<std::string> Line::value() {
    skip_blanks();
    if (text_.empty() || text_.front() == '#') return wrong("a value is missing after =");
    if (text_.front() == '"' || text_.front() == '\'') return string();
    if (text_.front() == '{') return wrong("inline tables are not read here");
    return plain_value();
}

Result<std::vector<std::string>> Line::list() {
    std::vector<std::string> out;
    take('[');
    while (!take(']')) {
        if (at_end()) return wrong("the list has no closing ] on its line");
        if (text_.front() != '"' && text_.front() != '\'') return wrong("lists hold strings here: [\"one\", \"two\"]");
        auto next = string();
        if (!next) return next.error();
        out.push_back(std::move(*next));
        if (!take(',') && !at_end() && !text_.starts_with(']'))
            return wrong("the strings of a list are separated by commas");
    }
    return out;
}

// The name between brackets.
Result<std::string> section(Line& line) {
    std::string name{line.bare()};
    if (name.empty()) return line.wrong("a section is written [name]");
    if (!line.take(']') || !line.at_end()) return line.wrong("a section is written [name], alone on its line");
    return name;
}

Result<TomlEntry> entry(Line& line, const std::string& section_name, std::size_t number) {
    std::string key{line.bare()};
    if (key.empty()) return line.wrong("expected [section] or key = value");
    if (!line.take('=')) return line.wrong(fmt::format("expected = after \"{}\"", key));
    TomlEntry out{section_name.empty() ? key : section_name + '.' + key, {}, number, {}};
    if (line.at_list()) {
        auto list = line.list();
        if (!list) return list.error();
        out.list = std::move(*list);
    } else {
        auto value = line.value();
        if (!value) return value.error();
        out.text = std::move(*value);
    }
    if (!line.at_end()) return line.wrong(fmt::format("something follows the value of \"{}\"; texts need quotes", key));
    return out;
}

} // namespace

Result<std::vector<TomlEntry>> parse_toml(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::vector<TomlEntry> entries;
    std::string section_name;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        auto raw = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (raw.ends_with('\r')) raw.remove_suffix(1);
        Line line{raw, number};
        if (line.at_end()) continue;
        if (line.take('[')) {
            auto name = section(line);
            if (!name) return name.error();
            section_name = std::move(*name);
            continue;
        }
        auto next = entry(line, section_name, number);
        if (!next) return next.error();
        for (const auto& earlier : entries)
            if (earlier.key == next->key)
                return line.wrong(fmt::format("\"{}\" was already set in line {}", next->key, earlier.line));
        entries.push_back(std::move(*next));
    }
    return entries;
}

} // namespace millrace::config
