// One table on its way. It knows nothing of what the table is for, or of what its rows may do meanwhile: a range of
// keys whose rows have changed in the source since they were copied has another hash there, and is copied again. So
// copying while a daemon works leaves little for the time when it may not.
#pragma once
#include "store/move/copied_ranges.hpp"

#include <functional>

namespace millrace::store {

class TableCopy {
public:
    // Called for every few thousand rows that are read, with their number.
    using Watch = std::function<void(std::int64_t rows)>;

    // `chunk_rows`: copied in one transaction. Everything is borrowed.
    TableCopy(Side& source, Side& target, const TableShape& shape, std::int64_t chunk_rows, const Watch& watch);

    const TableShape& shape() const { return shape_; }

    // Takes the ranges that the source has changed out of the target. Returns how many there were.
    std::int64_t drop_changed();
    // Copies what is not there, chunk by chunk. Returns the rows. Throws constraint when a row is in the way of another
    // that the source has not any more: it was changed meanwhile, and the next round knows.
    std::int64_t copy_missing();
    // Of the source: every row that was read since the last drop_changed() began, of ranges that were left and of those
    // that were copied.
    RowSum source_sum() const { return read_; }
    // Of the rows that are in the target, read anew.
    RowSum target_sum();
    // Copies everything anew at the next chance: what is in the target is not what was written.
    void distrust();

private:
    RowSum sum_of(Side& side, const KeyRange& range) const;
    KeyRange copy_chunk(const KeyRange& range); // what of it is left; empty bounds when nothing is

    Side& source_;
    Side& target_;
    const TableShape& shape_;
    const std::int64_t chunk_rows_;
    const Watch& watch_;
    CopiedRanges ranges_;
    RowBatch batch_;
    RowSum read_;
    bool done_ = false; // the last chunk has reached the end of its range
};

} // namespace millrace::store
