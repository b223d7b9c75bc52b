// Where a move stands, as both databases say: the marks that keep daemons off, and the target's notes. Each function is
// one transaction.
#pragma once
#include "store/move/side.hpp"

#include <optional>
#include <string>

namespace millrace::store {

struct StoreMark {
    int version = 0; // moved_away or being_filled
    std::string name;
    bool operator==(const StoreMark&) const = default;
};

std::optional<StoreMark> mark_of(Side& side);
int schema_of(Side& side); // the newest step that was taken; 0: none

// A migrated target without rows of its own becomes one that is filled from `source`.
void begin_filling(Side& target, const std::string& source);
// Throws what end_filling() would throw for rows that do not fit together, and changes nothing.
void rehearse_end(Side& target);
// And a store again, with the source's counters.
void end_filling(Side& target, const std::map<std::string, std::int64_t>& counters);
// The source says where its rows are now, and takes no more.
void retire(Side& source, const std::vector<TableShape>& tables, const std::string& target);

} // namespace millrace::store
