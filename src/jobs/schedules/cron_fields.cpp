#include "jobs/schedules/cron_fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

namespace millrace::jobs {
namespace {

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 8> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::array<int, 13> longest_month{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

struct FieldKind {
    std::string_view name;
    int low, high;
    std::span<const std::string_view> names; // of `low` and those after it
};
constexpr std::array<FieldKind, 5> kinds{{{"minute", 0, 59, {}},
                                          {"hour", 0, 23, {}},
                                          {"day of month", 1, 31, {}},
                                          {"month", 1, 12, month_names},
                                          {"day of week", 0, 7, weekday_names}}};

struct Nickname {
    std::string_view name, meaning;
};
constexpr std::array<Nickname, 7> nicknames{{{"@hourly", "0 * * * *"},
                                             {"@daily", "0 0 * * *"},
                                             {"@midnight", "0 0 * * *"},
                                             {"@weekly", "0 0 * * 0"},
                                             {"@monthly", "0 0 1 * *"},
                                             {"@yearly", "0 0 1 1 *"},
                                             {"@annually", "0 0 1 1 *"}}};

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find_first_of(separators, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

// One field: which values it allows, as bits from 0.
class Field {
public:
    Field(std::size_t index, std::string_view text) : index_{index}, kind_{kinds[index]}, text_{text} {}

    Result<std::uint64_t> read() {
        std::uint64_t bits = 0;
        for (const auto part : split(text_, ",")) {
            auto some = read_part(part);
            if (!some) return some;
            bits |= *some;
        }
        return bits;
    }
    bool begins_with_star() const { return text_.starts_with('*'); }

private:
    struct Range {
        int first, last;
    };

    Error wrong(std::string why) const {
        return {Code::unprocessable, fmt::format("field {} ({}): {}", index_ + 1, kind_.name, why)};
    }

    Result<std::uint64_t> read_part(std::string_view part) const {
        const auto slash = part.find('/');
        const auto range = read_range(part.substr(0, slash), slash != std::string_view::npos);
        if (!range) return range.error();
        int step = 1;
        if (slash != std::string_view::npos) {
            const auto number = part.substr(slash + 1);
            const auto read = whole_number(number);
            const int most = kind_.high - kind_.low + 1;
            if (!read)
                return wrong(fmt::format("\"{}\" is no step; write a number after the slash, as in */5", number));
            if (*read < 1 || *read > most) return wrong(fmt::format("the step {} is outside 1-{}", *read, most));
            step = *read;
        }
        std::uint64_t bits = 0;
        for (int value = range->first; value <= range->last; value += step) bits |= std::uint64_t{1} << value;
        return bits;
    }

    Result<Range> read_range(std::string_view text, bool stepped) const {
        if (text == "*") return Range{kind_.low, kind_.high};
        const auto dash = text.find('-');
        const auto first = read_value(text.substr(0, dash));
        if (!first) return first.error();
        if (dash == std::string_view::npos) {
            if (stepped) return wrong(fmt::format("a step needs a range; write {}-{}/… or */…", *first, kind_.high));
            return Range{*first, *first};
        }
        auto last = read_value(text.substr(dash + 1));
        if (!last) return last.error();
        // Sunday by name ends a week as well as it begins one: fri-sun.
        if (kind_.high == 7 && *last == 0 && *first > 0) last = 7;
        if (*last < *first)
            return wrong(fmt::format("the range {} goes backwards; write {}-{},{}-{}", text, *first, kind_.high,
                                     kind_.low, *last));
        return Range{*first, *last};
    }

    Result<int> read_value(std::string_view text) const {
        if (const auto number = whole_number(text)) {
            if (*number >= kind_.low && *number <= kind_.high) return *number;
            return wrong(fmt::format("{} is outside {}-{}", *number, kind_.low, kind_.high));
        }
        const auto name = std::find(kind_.names.begin(), kind_.names.end(), lower(text));
        if (name != kind_.names.end()) return kind_.low + static_cast<int>(name - kind_.names.begin());
        const auto allowed =
            kind_.names.empty() ? "the numbers" : fmt::format("{}, the numbers", fmt::join(kind_.names, " "));
        return wrong(fmt::format("\"{}\" is none of {} {}-{}, *, a range such as {}-{} and a step such as */2", text,
                                 allowed, kind_.low, kind_.high, kind_.low + 1, kind_.low + 3));
    }

    static std::optional<int> whole_number(std::string_view text) {
        int value = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool digits = !text.empty() && text.front() >= '0' && text.front() <= '9' && text.size() <= 9;
        return digits && failure == std::errc{} && end == text.data() + text.size() ? std::optional{value}
                                                                                    : std::nullopt;
    }

    std::size_t index_;
    const FieldKind& kind_;
    std::string_view text_;
};

// Whether some month that it allows has a day that it allows. A day of the week comes by in any case.
bool can_fire(const CronFields& fields) {
    if (!fields.star_day && !fields.star_weekday) return true; // either will do
    for (std::size_t month = 1; month <= 12; ++month)
        for (int day = 1; fields.months[month] && day <= longest_month[month]; ++day)
            if (fields.days[static_cast<std::size_t>(day)]) return true;
    return false;
}

} // namespace

Result<CronFields> read_cron(std::string_view text) {
    std::vector<std::string_view> words;
    for (const auto word : split(text, " \t"))
        if (!word.empty()) words.push_back(word);
    if (words.size() == 1 && words[0].starts_with('@')) {
        const auto known = std::find_if(nicknames.begin(), nicknames.end(),
                                        [&](const auto& each) { return each.name == lower(words[0]); });
        if (known != nicknames.end()) return read_cron(known->meaning);
        return Error{Code::unprocessable,
                     fmt::format("\"{}\" is none of @hourly, @daily, @weekly, @monthly and @yearly", words[0])};
    }
    if (words.size() != kinds.size())
        return Error{Code::unprocessable,
                     fmt::format("a cron expression has five fields, minute hour day-of-month month day-of-week, as in "
                                 "\"30 6 * * mon-fri\"; this one has {}",
                                 words.size())};
    CronFields fields;
    std::array<std::uint64_t, kinds.size()> bits{};
    std::array<bool, kinds.size()> star{};
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        Field field{i, words[i]};
        const auto read = field.read();
        if (!read) return read.error();
        bits[i] = *read;
        star[i] = field.begins_with_star();
    }
    fields.minutes = bits[0];
    fields.hours = bits[1];
    fields.days = bits[2];
    fields.months = bits[3];
    fields.weekdays = (bits[4] | bits[4] >> 7) & 0x7f; // 7 is Sunday too
    fields.star_minute = star[0];
    fields.star_hour = star[1];
    fields.star_day = star[2];
    fields.star_weekday = star[4];
    if (!can_fire(fields))
        return Error{Code::unprocessable,
                     fmt::format("\"{}\" never fires: no month that it names has such a day", text)};
    return fields;
}

} // namespace millrace::jobs
