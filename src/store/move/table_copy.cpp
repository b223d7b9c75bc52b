#include "store/move/table_copy.hpp"

#include "base/crash_point.hpp"

namespace millrace::store {
namespace {

constexpr std::size_t chunk_bytes = 8 << 20;
constexpr std::int64_t between_looks = 4096; // rows

} // namespace

TableCopy::TableCopy(Side& source, Side& target, const TableShape& shape, std::int64_t chunk_rows, const Watch& watch)
    : source_{source},
      target_{target},
      shape_{shape},
      chunk_rows_{chunk_rows},
      watch_{watch},
      ranges_{target, shape.name},
      batch_{shape} {}

RowSum TableCopy::sum_of(Side& side, const KeyRange& range) const {
    RowSum sum;
    const auto reading = side.read(shape_, range);
    while (reading->next()) {
        sum += {1, hash_of(reading->row(), shape_)};
        if (sum.rows % between_looks == 0) watch_(between_looks);
    }
    watch_(sum.rows % between_looks);
    return sum;
}

RowSum TableCopy::target_sum() { return sum_of(target_, {}); }

std::int64_t TableCopy::drop_changed() {
    std::vector<KeyRange> changed;
    read_ = {};
    for (const auto& range : ranges_.all()) {
        const auto sum = sum_of(source_, range.keys);
        if (sum == range.sum) read_ += sum;
        else changed.push_back(range.keys);
    }
    for (const auto& keys : changed) {
        target_.begin();
        target_.remove(shape_, keys);
        ranges_.drop(keys);
        crash_point("move.before_drop");
        target_.commit();
        crash_point("move.after_drop");
    }
    return static_cast<std::int64_t>(changed.size());
}

void TableCopy::distrust() {
    target_.begin();
    target_.session().execute("DELETE FROM move_ranges WHERE table_name = $1", {shape_.name});
    target_.commit();
}

std::int64_t TableCopy::copy_missing() {
    std::int64_t rows = 0;
    for (auto left : ranges_.gaps()) do {
            left = copy_chunk(left);
            rows += batch_.sum().rows;
            watch_(batch_.sum().rows);
        } while (!done_);
    return rows;
}

// What lay in the target between its keys is replaced: a fresh database has rows of its own, and what was killed may
// have left some.
KeyRange TableCopy::copy_chunk(const KeyRange& range) {
    batch_.clear();
    {
        const auto reading = source_.read(shape_, range);
        done_ = true;
        while (reading->next()) {
            batch_.add(reading->row());
            if (static_cast<std::int64_t>(batch_.rows()) < chunk_rows_ && batch_.bytes() < chunk_bytes) continue;
            done_ = batch_.last_key() == range.upto; // nothing is left of the range
            break;
        }
    }
    const KeyRange chunk{range.after, done_ ? range.upto : std::optional{batch_.last_key()}};
    try {
        target_.begin();
        target_.remove(shape_, chunk);
        target_.insert(shape_, batch_);
        ranges_.add({chunk, batch_.sum()});
        crash_point("move.before_chunk");
        target_.commit();
        crash_point("move.after_chunk");
        read_ += batch_.sum();
    } catch (const DatabaseError&) {
        target_.roll_back();
        ranges_.load();
        throw;
    }
    return {chunk.upto, range.upto};
}

} // namespace millrace::store
