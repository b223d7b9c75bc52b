// What of a table has come to the target: ranges of keys with the hash of their rows as they were copied. Kept in the
// target, in the transaction that writes the rows, so that a move that was killed knows how far it had come. Together
// the ranges of a whole table cover every key there can be.
#pragma once
#include "store/move/side.hpp"

#include <list>
#include <string>

namespace millrace::store {

struct CopiedRange {
    KeyRange keys;
    RowSum sum;
};

class CopiedRanges {
public:
    // Reads those of the table. `target` outlives this.
    CopiedRanges(Side& target, std::string table);

    // In the order of their keys.
    const std::list<CopiedRange>& all() const { return ranges_; }
    std::vector<KeyRange> gaps() const; // what they leave out, likewise

    // Within a transaction of the target, together with the rows.
    void add(CopiedRange range);
    void drop(const KeyRange& keys);
    // After a transaction that was taken back.
    void load();

private:
    Side& target_;
    const std::string table_;
    std::list<CopiedRange> ranges_;
};

} // namespace millrace::store
