#include "store/move/copied_ranges.hpp"

#include <algorithm>

namespace millrace::store {
namespace {

// An open bound is an empty text.
std::string text_of(const std::optional<RowKey>& key) { return key ? key->text() : ""; }
std::optional<RowKey> key_of(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional{RowKey::parse(text)};
}

bool comes_before(const CopiedRange& one, const CopiedRange& other) {
    if (!one.keys.after || !other.keys.after) return !one.keys.after && other.keys.after;
    return *one.keys.after < *other.keys.after;
}

} // namespace

CopiedRanges::CopiedRanges(Side& target, std::string table) : target_{target}, table_{std::move(table)} { load(); }

void CopiedRanges::load() {
    ranges_.clear();
    auto rows =
        target_.session().query("SELECT after_key, upto_key, row_count, hash FROM move_ranges WHERE table_name = $1",
                                {table_});
    while (rows.next())
        ranges_.push_back({{key_of(rows.text(0)), key_of(rows.text(1))},
                           {rows.integer(2), static_cast<std::uint64_t>(rows.integer(3))}});
    ranges_.sort(comes_before);
}

std::vector<KeyRange> CopiedRanges::gaps() const {
    std::vector<KeyRange> found;
    std::optional<RowKey> until; // what is covered, from the first key
    bool whole = false;          // there is nothing behind it
    for (const auto& [keys, sum] : ranges_) {
        if (keys.after != until) found.push_back({until, keys.after});
        until = keys.upto;
        whole = !keys.upto;
    }
    if (!whole) found.push_back({until, std::nullopt});
    return found;
}

void CopiedRanges::add(CopiedRange range) {
    target_.session().execute(
        "INSERT INTO move_ranges (table_name, after_key, upto_key, row_count, hash) VALUES ($1, $2, $3, $4, $5)",
        {table_, text_of(range.keys.after), text_of(range.keys.upto), range.sum.rows,
         static_cast<std::int64_t>(range.sum.hash)});
    ranges_.insert(std::upper_bound(ranges_.begin(), ranges_.end(), range, comes_before), std::move(range));
}

void CopiedRanges::drop(const KeyRange& keys) {
    target_.session().execute("DELETE FROM move_ranges WHERE table_name = $1 AND after_key = $2",
                              {table_, text_of(keys.after)});
    ranges_.remove_if([&keys](const CopiedRange& range) { return range.keys == keys; });
}

} // namespace millrace::store
