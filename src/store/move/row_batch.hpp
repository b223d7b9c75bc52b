// Rows between two databases: read from one, in memory for a moment, written to the other. Also the hash of a row that
// a cursor is on, without keeping it.
#pragma once
#include "store/move/row_hash.hpp"
#include "store/move/row_key.hpp"
#include "store/move/table_shape.hpp"
#include "store/sql.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::store {

std::uint64_t hash_of(const Cursor& row, const TableShape& shape);

class RowBatch {
public:
    explicit RowBatch(const TableShape& shape) : shape_{shape} {}

    struct Cell {
        enum class Kind : std::uint8_t { null, integer, real, text, bytes } kind = Kind::null;
        std::int64_t integer = 0;
        double real = 0;
        std::string_view text; // text or bytes; until the batch changes
    };

    // A copy of the row that the cursor is on: its columns are the shape's, in its order.
    void add(const Cursor& row);
    void clear();

    std::size_t rows() const { return static_cast<std::size_t>(sum_.rows); }
    std::size_t bytes() const { return texts_.size() + 16 * cells_.size(); }
    RowSum sum() const { return sum_; }
    Cell cell(std::size_t row, std::size_t column) const;
    RowKey last_key() const; // of the row that was added last

private:
    struct Held {
        Cell::Kind kind;
        std::int64_t number; // the value, a double's bits, or where the text begins
        std::size_t size;
    };

    const TableShape& shape_;
    std::vector<Held> cells_;
    std::string texts_;
    RowSum sum_;
};

} // namespace millrace::store
