// The primary key of one row, as a bound between ranges. Both databases order keys alike: integers by value, texts by
// their bytes.
#pragma once
#include "base/result.hpp"
#include "store/sql.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace millrace::store {

class RowKey {
public:
    using Part = std::variant<std::int64_t, std::string>;

    RowKey() = default;
    explicit RowKey(std::vector<Part> parts) : parts_{std::move(parts)} {}
    // As text() wrote it; throws DatabaseError (broken) for any other text.
    static RowKey parse(std::string_view text);

    std::string text() const; // a JSON array
    // Appends its parts as parameters, which borrow from it.
    void bind(std::vector<Value>& values) const;
    bool operator==(const RowKey&) const = default;
    bool operator<(const RowKey& other) const { return parts_ < other.parts_; }

private:
    std::vector<Part> parts_;
};

} // namespace millrace::store
