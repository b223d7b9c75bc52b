// A number for the content of a row, computed here and not by a database, so that it is the same for either: type and
// value of each column, in the order of their names. The hash of rows is the sum of theirs modulo 2^64, whatever their
// order. It finds mistakes; it is no protection against somebody who makes rows to deceive it.
#pragma once
#include <cstdint>
#include <string_view>

namespace millrace::store {

class RowHash {
public:
    void add_null() { mix(1); }
    void add_integer(std::int64_t value) {
        mix(2);
        mix(static_cast<std::uint64_t>(value));
    }
    void add_real(double value);
    // Text and bytes. U+0000 counts as U+FFFD, which PostgreSQL gets in its place.
    void add_text(std::string_view value);

    std::uint64_t value() const;

private:
    void mix(std::uint64_t lane);

    std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

// Rows and their hash.
struct RowSum {
    std::int64_t rows = 0;
    std::uint64_t hash = 0;
    RowSum& operator+=(const RowSum& other) {
        rows += other.rows;
        hash += other.hash;
        return *this;
    }
    bool operator==(const RowSum&) const = default;
};

} // namespace millrace::store
