#include "inference/worker/input/csv.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::inference::worker {
namespace {

constexpr std::string_view line_ends = "\r\n";

// By the first line that is not blank, outside of quotes.
char separator_of(std::string_view text) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \r\n")));
    bool quoted = false, tabs = false;
    for (const char c : text) {
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == ',') return ',';
        if (c == '\r' || c == '\n') break;
        tabs = tabs || c == '\t';
    }
    return tabs ? '\t' : ',';
}

} // namespace

std::string_view trimmed(std::string_view value) {
    const auto first = value.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return value.substr(first, value.find_last_not_of(' ') - first + 1);
}

CsvReader::CsvReader(std::string_view text, std::size_t most_values) : rest_{text}, most_values_{most_values} {
    using namespace std::string_view_literals;
    if (text.starts_with("\xff\xfe"sv) || text.starts_with("\xfe\xff"sv))
        throw InputError{"the CSV is UTF-16; save it as UTF-8"};
    if (text.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3); // the mark that spreadsheets put before UTF-8
    separator_ = separator_of(rest_);
}

void CsvReader::fail(const std::string& what) const {
    throw InputError{fmt::format("line {} of the CSV {}", line_, what)};
}

// Goes past line ends and blank lines to where a row begins; false at the end.
bool CsvReader::skip_blank() {
    for (;;) {
        const auto content = std::min(rest_.size(), rest_.find_first_not_of(' '));
        if (content == rest_.size()) return false;
        if (line_ends.find(rest_[content]) == std::string_view::npos) return true;
        rest_.remove_prefix(content);
        end_line();
    }
}

void CsvReader::end_line() {
    if (rest_.empty()) return;
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    ++next_line_;
}

// Up to the next separator or the end of the line.
void CsvReader::take_value(std::string& value) {
    bool quoted = false, opened = false;
    std::size_t i = 0;
    for (; i < rest_.size(); ++i) {
        const char c = rest_[i];
        if (quoted) {
            if (c == '\n' || (c == '\r' && !rest_.substr(i + 1).starts_with('\n'))) ++next_line_;
            if (c != '"') value += c;
            else if (i + 1 < rest_.size() && rest_[i + 1] == '"') value += rest_[++i];
            else quoted = false;
        } else if (c == '"' && !opened && trimmed(value).empty()) {
            quoted = opened = true;
            value.clear();
        } else if (c == separator_ || c == '\r' || c == '\n') {
            break;
        } else {
            value += c;
        }
    }
    if (quoted) fail("ends inside a quoted value");
    rest_.remove_prefix(i);
}

bool CsvReader::next(CsvRow& row) {
    row.clear();
    if (!skip_blank()) return false;
    line_ = next_line_;
    const auto whole = rest_;
    for (;;) {
        if (row.size() == most_values_) fail(fmt::format("has more than {} values", most_values_));
        take_value(row.emplace_back());
        if (rest_.empty() || rest_.front() != separator_) break;
        rest_.remove_prefix(1);
    }
    if (!valid_utf8(whole.substr(0, whole.size() - rest_.size()))) fail("is not UTF-8; save the table as that");
    end_line();
    return true;
}

} // namespace millrace::inference::worker
