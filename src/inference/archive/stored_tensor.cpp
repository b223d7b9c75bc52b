#include "inference/archive/stored_tensor.hpp"

#include "inference/archive/in_quotes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace millrace::inference {
namespace {

constexpr std::size_t max_rank = 64; // libtorch's for most operators

bool multiply(std::int64_t a, std::int64_t b, std::int64_t& product) { return !__builtin_mul_overflow(a, b, &product); }

} // namespace

std::string StoredStorage::described() const { return fmt::format("{} elements of {}", units, type.name); }

std::optional<std::string> StoredStorage::fault() const {
    std::int64_t bytes = 0;
    if (units < 0 || !multiply(units, type.bytes, bytes))
        return fmt::format("record {} is said to have {}", in_quotes(key), described());
    if (units == 0) return std::nullopt; // libtorch reads none
    if (!record) return fmt::format("record {}, which holds {}, is missing", in_quotes(key), described());
    const auto wanted = static_cast<std::uint64_t>(bytes);
    if (record->unpacked < wanted || record->unpacked - wanted >= type.bytes)
        return fmt::format("record {} has {} bytes, but {} are {}", in_quotes(key), record->unpacked, described(),
                           wanted);
    return std::nullopt;
}

std::optional<std::string> StoredTensor::fault() const {
    const auto wrong = [&](std::string_view what) {
        return fmt::format(
            "the tensor of record {} (sizes [{}], strides [{}], offset {}) {}", in_quotes(storage.key),
            fmt::join(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(std::min(sizes.size(), max_rank)),
                      ", "),
            fmt::join(strides.begin(),
                      strides.begin() + static_cast<std::ptrdiff_t>(std::min(strides.size(), max_rank)), ", "),
            offset, what);
    };
    if (sizes.size() != strides.size()) return wrong("has not one stride for each size");
    if (sizes.size() > max_rank) return wrong("has too many dimensions");
    if (offset < 0) return wrong("begins before its storage");
    std::int64_t elements = 1, last = offset;
    bool overflow = false, empty = false;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (sizes[i] < 0 || strides[i] < 0) return wrong("has a negative size or stride");
        std::int64_t reach = 0;
        empty = empty || sizes[i] == 0;
        overflow = overflow || (sizes[i] > 0 && (!multiply(elements, sizes[i], elements) ||
                                                 !multiply(sizes[i] - 1, strides[i], reach) ||
                                                 __builtin_add_overflow(last, reach, &last)));
    }
    std::int64_t held = 0;
    if (overflow || !multiply(storage.units, storage.type.per_unit, held)) return wrong("is larger than any memory");
    if (empty ? offset > held : last >= held) return wrong(fmt::format("lies outside of its {} elements", held));
    return std::nullopt;
}

} // namespace millrace::inference
