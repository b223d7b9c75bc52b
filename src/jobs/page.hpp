// Pages of lists. A page is bounded in items, in bytes and in the rows that are looked at for it: it may be shorter
// than its limit, or empty, and still have a successor. Whoever wants all follows `next` until there is none.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace millrace::jobs {

constexpr std::size_t most_page_bytes = 4 << 20; // of what is shown; one item always goes
constexpr int rows_of_a_look = 10'000;           // in one task of a reader: other lists come in between
constexpr int most_looks = 5;                    // for one page
constexpr std::chrono::milliseconds time_of_a_look{100};

template <class Item, class Cursor>
struct Page {
    std::vector<Item> items;
    std::optional<Cursor> next; // where the next page begins; nullopt: this is the last
};

} // namespace millrace::jobs
