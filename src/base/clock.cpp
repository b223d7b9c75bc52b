#include "base/clock.hpp"

#include <charconv>
#include <cstdio>

namespace millrace {
namespace {

// Digits only, exactly `width` of them.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t width) {
    if (at + width > text.size()) return std::nullopt;
    int value = 0;
    for (std::size_t i = at; i < at + width; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

void put(char*& out, unsigned value, int width) {
    for (int i = width - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
    out += width;
}

} // namespace

std::string Timestamp::text() const {
    using namespace std::chrono;
    const sys_time<microseconds> moment{microseconds{micros}};
    const auto day = floor<days>(moment);
    const year_month_day date{day};
    const hh_mm_ss time{moment - day};
    char buffer[27];
    char* out = buffer;
    put(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    *out++ = '-';
    put(out, static_cast<unsigned>(date.month()), 2);
    *out++ = '-';
    put(out, static_cast<unsigned>(date.day()), 2);
    *out++ = 'T';
    put(out, static_cast<unsigned>(time.hours().count()), 2);
    *out++ = ':';
    put(out, static_cast<unsigned>(time.minutes().count()), 2);
    *out++ = ':';
    put(out, static_cast<unsigned>(time.seconds().count()), 2);
    *out++ = '.';
    put(out, static_cast<unsigned>(time.subseconds().count()), 6);
    *out++ = 'Z';
    return {buffer, out};
}

std::optional<Timestamp> Timestamp::parse(std::string_view text) {
    using namespace std::chrono;
    const auto year_ = digits(text, 0, 4), month_ = digits(text, 5, 2), day_ = digits(text, 8, 2);
    const auto hour_ = digits(text, 11, 2), minute_ = digits(text, 14, 2), second_ = digits(text, 17, 2);
    if (!year_ || !month_ || !day_ || !hour_ || !minute_ || !second_) return std::nullopt;
    if (text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':') return std::nullopt;
    if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
    const year_month_day date{year{*year_}, month{static_cast<unsigned>(*month_)}, day{static_cast<unsigned>(*day_)}};
    if (!date.ok() || *hour_ > 23 || *minute_ > 59 || *second_ > 60) return std::nullopt;

    std::size_t at = 19;
    std::int64_t fraction = 0;
    if (at < text.size() && text[at] == '.') {
        std::int64_t scale = 100'000;
        const std::size_t first = ++at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
            fraction += (text[at] - '0') * scale;
        if (at == first || at - first > 9) return std::nullopt;
    }
    if (at >= text.size()) return std::nullopt;
    std::int64_t offset = 0;
    if (text[at] == 'Z' || text[at] == 'z') {
        ++at;
    } else if (text[at] == '+' || text[at] == '-') {
        const auto hours_ = digits(text, at + 1, 2), minutes_ = digits(text, at + 4, 2);
        if (!hours_ || !minutes_ || text[at + 3] != ':' || *hours_ > 23 || *minutes_ > 59) return std::nullopt;
        offset = (*hours_ * 60 + *minutes_) * (text[at] == '+' ? 60 : -60);
        at += 6;
    } else {
        return std::nullopt;
    }
    if (at != text.size()) return std::nullopt;
    const std::int64_t seconds_ =
        sys_days{date}.time_since_epoch() / seconds{1} + *hour_ * 3600 + *minute_ * 60 + *second_ - offset;
    return Timestamp{seconds_ * 1'000'000 + fraction};
}

SystemClock& SystemClock::instance() {
    static SystemClock clock;
    return clock;
}

Timestamp SystemClock::now() const {
    using namespace std::chrono;
    return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
}

} // namespace millrace
