#include "inference/archive/sparse_indices.hpp"

#include "inference/archive/in_quotes.hpp"
#include "inference/archive/zip_content.hpp"

#include <fmt/format.h>

#include <cstring>

namespace millrace::inference {
namespace {

constexpr std::uint64_t max_index_bytes = std::uint64_t{256} << 20;

// Numbers of a tensor of Int or Long whose places have been checked.
class Numbers {
public:
    explicit Numbers(const StoredTensor& tensor) : tensor_{tensor}, wide_{tensor.storage.type.name == "Long"} {
        if (!tensor.storage.record || tensor.storage.record->unpacked > max_index_bytes) return;
        if (auto bytes = unpack(*tensor.storage.record)) bytes_ = std::move(*bytes);
    }
    bool readable() const { return tensor_.storage.units == 0 || !bytes_.empty(); }
    std::int64_t at(std::int64_t place) const { // of an element, by its strides
        const auto* from = bytes_.data() + static_cast<std::size_t>(place + tensor_.offset) * (wide_ ? 8 : 4);
        std::int64_t wide = 0;
        std::int32_t narrow = 0;
        if (wide_) std::memcpy(&wide, from, sizeof wide);
        else std::memcpy(&narrow, from, sizeof narrow);
        return wide_ ? wide : narrow;
    }

private:
    const StoredTensor& tensor_;
    bool wide_;
    std::string bytes_;
};

bool is_index(const StoredTensor& tensor) {
    return tensor.storage.type.name == "Long" || tensor.storage.type.name == "Int";
}

std::string wrong(const StoredTensor& indices, const char* what) {
    return fmt::format("the sparse tensor with indices in record {} {}", in_quotes(indices.storage.key), what);
}

} // namespace

std::optional<std::string> coo_fault(const std::vector<std::int64_t>& sizes, const StoredTensor& indices,
                                     const StoredTensor& values) {
    if (indices.sizes.size() != 2 || indices.storage.type.name != "Long" || values.sizes.empty())
        return wrong(indices, "has parts of unknown shapes");
    const auto sparse = static_cast<std::size_t>(indices.sizes[0]), dense = values.sizes.size() - 1;
    bool fits = sparse <= sizes.size() && sizes.size() - sparse == dense && values.sizes[0] == indices.sizes[1];
    for (std::size_t i = 0; fits && i < sizes.size(); ++i)
        fits = sizes[i] >= 0 && (i < sparse || values.sizes[i - sparse + 1] == sizes[i]);
    if (!fits) return wrong(indices, "has parts of other shapes than itself");
    const Numbers numbers{indices};
    if (!numbers.readable()) return wrong(indices, "cannot be checked");
    for (std::int64_t d = 0; d < indices.sizes[0]; ++d)
        for (std::int64_t n = 0; n < indices.sizes[1]; ++n) {
            const auto index = numbers.at(d * indices.strides[0] + n * indices.strides[1]);
            if (index < 0 || index >= sizes[static_cast<std::size_t>(d)])
                return wrong(indices, "has an index outside of its sizes");
        }
    return std::nullopt;
}

std::optional<std::string> csr_fault(const std::vector<std::int64_t>& sizes, const StoredTensor& rows,
                                     const StoredTensor& columns, const StoredTensor& values) {
    const bool flat =
        sizes.size() == 2 && rows.sizes.size() == 1 && columns.sizes.size() == 1 && values.sizes.size() == 1;
    if (!flat || sizes[0] < 0 || sizes[1] < 0 || rows.sizes[0] - 1 != sizes[0] || columns.sizes[0] != values.sizes[0] ||
        !is_index(rows) || !(rows.storage.type == columns.storage.type))
        return wrong(columns, "has parts of other shapes than itself");
    const Numbers begins{rows}, places{columns};
    if (!begins.readable() || !places.readable()) return wrong(columns, "cannot be checked");
    std::int64_t before = 0;
    for (std::int64_t i = 0; i <= sizes[0]; ++i) {
        const auto begin = begins.at(i * rows.strides[0]);
        if (begin < before || (i == 0 && begin != 0) || begin > columns.sizes[0])
            return wrong(columns, "has rows that do not follow each other");
        before = begin;
    }
    if (before != columns.sizes[0]) return wrong(columns, "has rows that do not follow each other");
    for (std::int64_t i = 0; i < columns.sizes[0]; ++i)
        if (const auto place = places.at(i * columns.strides[0]); place < 0 || place >= sizes[1])
            return wrong(columns, "has an index outside of its sizes");
    return std::nullopt;
}

} // namespace millrace::inference
