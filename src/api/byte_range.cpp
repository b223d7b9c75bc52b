#include "api/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace millrace::api {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional{value}
                                                                                       : std::nullopt;
}

} // namespace

RangeAnswer choose_range(std::string_view header, std::uint64_t size) {
    const RangeAnswer whole{RangeVerdict::whole, {0, size}};
    constexpr std::string_view unit = "bytes=";
    if (!header.starts_with(unit) || header.find(',') != std::string_view::npos) return whole;
    header.remove_prefix(unit.size());
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) return whole;
    const auto first = number(header.substr(0, dash)), last = number(header.substr(dash + 1));
    if (dash == 0) { // the last n bytes
        if (!last) return whole;
        if (*last == 0 || size == 0) return {RangeVerdict::unsatisfiable, {}};
        const auto length = std::min(*last, size);
        return {RangeVerdict::part, {size - length, length}};
    }
    if (!first || (dash + 1 < header.size() && !last) || (last && *last < *first)) return whole;
    if (*first >= size) return {RangeVerdict::unsatisfiable, {}};
    const auto end = last ? std::min(*last, size - 1) : size - 1;
    return {RangeVerdict::part, {*first, end - *first + 1}};
}

} // namespace millrace::api
