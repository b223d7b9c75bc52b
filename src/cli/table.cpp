#include "cli/table.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <ostream>

namespace millrace::cli {
namespace {

constexpr std::size_t gap = 2, least_of_elastic = 8, least_of_id = 13; // characters

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// How narrow a column can be made.
std::size_t least(const Table::Column& column, std::size_t width) {
    return column.elastic ? std::min(width, std::max(least_of_elastic, columns(column.title))) : width;
}

} // namespace

std::string in_colour_of(const std::string& state, const std::string& text, bool colour) {
    const auto begins = [&state](const char* word) { return state.starts_with(word); };
    const char* code = nullptr;
    if (begins("succeeded") || begins("ready") || begins("ok") || begins("production")) code = "32";
    if (begins("dead") || begins("failed") || begins("expired") || begins("down") || begins("open")) code = "31";
    if (begins("running") || begins("processing")) code = "36";
    if (begins("paused") || begins("blocked") || begins("degraded") || begins("starting")) code = "33";
    if (begins("cancelled")) code = "2";
    return colour && code ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

void Table::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (auto& cell : cells) cell = printable(cell);
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::wanted(const Look& look) const {
    std::vector<std::size_t> all(columns_.size());
    std::iota(all.begin(), all.end(), 0);
    if (look.columns.empty()) return all;
    std::vector<std::size_t> chosen;
    for (const auto& name : look.columns) {
        const auto found = std::find_if(columns_.begin(), columns_.end(),
                                        [&](const Column& each) { return lower(each.title) == lower(name); });
        if (found == columns_.end()) {
            std::string there;
            for (const auto& each : columns_) there += (there.empty() ? "" : ", ") + lower(each.title);
            throw Failure{usage, fmt::format("--columns: there is no column \"{}\"; there are {}", name, there)};
        }
        chosen.push_back(static_cast<std::size_t>(found - columns_.begin()));
    }
    return chosen;
}

// As many characters as tell the rows apart; commands take the beginning of an id.
void Table::shorten_ids(std::size_t column, std::vector<std::vector<std::string>>& rows) const {
    std::vector<std::string> ids;
    for (const auto& row : rows_) ids.push_back(row[column]);
    std::sort(ids.begin(), ids.end());
    std::size_t length = least_of_id;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        if (ids[i] == ids[i - 1]) continue;
        const auto differ = std::mismatch(ids[i].begin(), ids[i].end(), ids[i - 1].begin(), ids[i - 1].end());
        length = std::max(length, static_cast<std::size_t>(differ.first - ids[i].begin()) + 1);
    }
    for (auto& row : rows) row[column] = row[column].substr(0, length);
}

// The widths of all columns; leaves those out of `shown` that find no room.
std::vector<std::size_t> Table::fit(std::vector<std::size_t>& shown, const std::vector<std::vector<std::string>>& rows,
                                    const Look& look) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = columns(columns_[i].title);
        for (const auto& row : rows) widest = std::max(widest, columns(row[i]));
        widths.push_back(widest);
    }
    if (look.width == 0) return widths;
    const auto total = [&](const auto& of) {
        std::size_t sum = gap * (shown.size() - 1);
        for (const auto i : shown) sum += of(i);
        return sum;
    };
    // Too wide even with all cut: spare columns go.
    while (look.columns.empty() && total([&](std::size_t i) { return least(columns_[i], widths[i]); }) > look.width) {
        const auto most = std::max_element(shown.begin(), shown.end(), [&](std::size_t a, std::size_t b) {
            return columns_[a].spare < columns_[b].spare;
        });
        if (columns_[*most].spare == 0) break;
        shown.erase(most);
    }
    // Elastic columns give way, the last first.
    auto over = total([&](std::size_t i) { return widths[i]; });
    for (auto i = shown.rbegin(); i != shown.rend() && over > look.width; ++i) {
        const auto gives = std::min(over - look.width, widths[*i] - least(columns_[*i], widths[*i]));
        widths[*i] -= gives;
        over -= gives;
    }
    return widths;
}

void Table::print(std::ostream& out, const Look& look) const {
    auto shown = wanted(look);
    auto rows = rows_;
    for (const auto i : shown)
        if (columns_[i].is_id && look.width != 0) shorten_ids(i, rows);
    const auto widths = fit(shown, rows, look);
    const auto line = [&](const auto& cell, const auto& painted) {
        std::string text;
        std::size_t used = 0, space = 0; // columns written, blanks that wait for something behind them
        for (const auto i : shown) {
            auto value = shortened(cell(i), widths[i]);
            const auto pad = widths[i] - columns(value);
            if (i != shown.front()) space += gap;
            if (columns_[i].align == Align::right) space += pad;
            if (look.width != 0) value = shortened(value, look.width - std::min(look.width, used + space));
            if (!value.empty()) {
                text.append(space, ' ');
                used += space + columns(value);
                text += painted(i, value);
                space = 0;
            }
            if (columns_[i].align == Align::left) space += pad;
        }
        out << text << '\n';
    };
    line([&](std::size_t i) -> std::string_view { return columns_[i].title; },
         [&](std::size_t, const std::string& text) { return look.colour ? "\x1b[1m" + text + "\x1b[0m" : text; });
    for (const auto& row : rows)
        line([&](std::size_t i) -> std::string_view { return row[i]; },
             [&](std::size_t i, const std::string& text) {
                 return columns_[i].is_state ? in_colour_of(row[i], text, look.colour) : text;
             });
}

void Table::print(Context& context) const { print(context.out, {context.width, context.colour, context.columns}); }

} // namespace millrace::cli
