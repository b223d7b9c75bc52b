#include "store/move/row_batch.hpp"

#include <bit>

namespace millrace::store {
namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

std::uint64_t hash_of(const Cursor& row, const TableShape& shape) {
    RowHash hash;
    for (int i = 0; i < static_cast<int>(shape.columns.size()); ++i) {
        if (row.is_null(i)) {
            hash.add_null();
            continue;
        }
        switch (shape.columns[static_cast<std::size_t>(i)].type) {
        case TableColumn::Type::integer: hash.add_integer(row.integer(i)); break;
        case TableColumn::Type::real: hash.add_real(row.real(i)); break;
        case TableColumn::Type::text: hash.add_text(row.text(i)); break;
        case TableColumn::Type::bytes: hash.add_text(as_text(row.bytes(i))); break;
        }
    }
    return hash.value();
}

void RowBatch::add(const Cursor& row) {
    const auto keep = [this](Cell::Kind kind, std::string_view text) {
        cells_.push_back({kind, static_cast<std::int64_t>(texts_.size()), text.size()});
        texts_ += text;
    };
    for (int i = 0; i < static_cast<int>(shape_.columns.size()); ++i) {
        if (row.is_null(i)) {
            cells_.push_back({Cell::Kind::null, 0, 0});
            continue;
        }
        switch (shape_.columns[static_cast<std::size_t>(i)].type) {
        case TableColumn::Type::integer: cells_.push_back({Cell::Kind::integer, row.integer(i), 0}); break;
        case TableColumn::Type::real:
            cells_.push_back({Cell::Kind::real, std::bit_cast<std::int64_t>(row.real(i)), 0});
            break;
        case TableColumn::Type::text: keep(Cell::Kind::text, row.text(i)); break;
        case TableColumn::Type::bytes: keep(Cell::Kind::bytes, as_text(row.bytes(i))); break;
        }
    }
    sum_ += {1, hash_of(row, shape_)};
}

void RowBatch::clear() {
    cells_.clear();
    texts_.clear();
    sum_ = {};
}

RowBatch::Cell RowBatch::cell(std::size_t row, std::size_t column) const {
    const auto& held = cells_[row * shape_.columns.size() + column];
    Cell cell;
    cell.kind = held.kind;
    if (held.kind == Cell::Kind::integer) cell.integer = held.number;
    else if (held.kind == Cell::Kind::real) cell.real = std::bit_cast<double>(held.number);
    else if (held.kind != Cell::Kind::null)
        cell.text = std::string_view{texts_}.substr(static_cast<std::size_t>(held.number), held.size);
    return cell;
}

RowKey RowBatch::last_key() const {
    std::vector<RowKey::Part> parts;
    for (const auto at : shape_.key) {
        const auto part = cell(rows() - 1, at);
        if (part.kind == Cell::Kind::integer) parts.emplace_back(part.integer);
        else parts.emplace_back(std::string{part.text});
    }
    return RowKey{std::move(parts)};
}

} // namespace millrace::store
