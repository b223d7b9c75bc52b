// One byte range of a Range header (RFC 9110, section 14). Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::api {

struct ByteRange {
    std::uint64_t first = 0, length = 0;
};

enum class RangeVerdict { whole, part, unsatisfiable };

struct RangeAnswer {
    RangeVerdict verdict = RangeVerdict::whole;
    ByteRange range;
};

// Whole for no header, another unit, several ranges or nonsense, all of which may be ignored.
RangeAnswer choose_range(std::string_view header, std::uint64_t size);

} // namespace millrace::api
