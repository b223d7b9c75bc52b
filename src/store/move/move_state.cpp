#include "store/move/move_state.hpp"

#include "base/crash_point.hpp"
#include "store/move_marks.hpp"

namespace millrace::store {
namespace {

template <class Work>
void in_transaction(Side& side, Work work) {
    try {
        side.begin();
        work();
        side.commit();
    } catch (const DatabaseError&) {
        side.roll_back();
        throw;
    }
}

void set_mark(Side& side, int version, const std::string& name) {
    side.session().execute("INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
                           {version, name, SystemClock::instance().now()});
}

} // namespace

std::optional<StoreMark> mark_of(Side& side) {
    if (!side.has_schema()) return std::nullopt;
    auto rows = side.session().query(
        "SELECT version, name FROM schema_migrations WHERE version >= $1 ORDER BY version DESC LIMIT 1", {moved_away});
    if (!rows.next()) return std::nullopt;
    return StoreMark{static_cast<int>(rows.integer(0)), rows.string(1)};
}

int schema_of(Side& side) {
    if (!side.has_schema()) return 0;
    auto rows = side.session().query("SELECT coalesce(max(version), 0) FROM schema_migrations WHERE version < $1",
                                     {moved_away});
    return rows.next() ? static_cast<int>(rows.integer(0)) : 0;
}

void begin_filling(Side& target, const std::string& source) {
    in_transaction(target, [&] {
        target.script("CREATE TABLE move_ranges (table_name TEXT NOT NULL, after_key TEXT NOT NULL, upto_key TEXT NOT "
                      "NULL, row_count BIGINT NOT NULL, hash BIGINT NOT NULL, PRIMARY KEY (table_name, after_key))");
        target.loosen();
        set_mark(target, being_filled, source);
        crash_point("move.before_start");
    });
    crash_point("move.after_start");
}

void rehearse_end(Side& target) {
    try {
        target.begin();
        target.tighten();
    } catch (const DatabaseError&) {
        target.roll_back();
        throw;
    }
    target.roll_back();
}

void end_filling(Side& target, const std::map<std::string, std::int64_t>& counters) {
    in_transaction(target, [&] {
        for (const auto& [table, last] : counters) target.set_counter(table, last);
        target.tighten();
        target.script("DROP TABLE move_ranges");
        target.session().execute("DELETE FROM schema_migrations WHERE version = $1", {being_filled});
        crash_point("move.before_completion");
    });
    crash_point("move.after_completion");
}

void retire(Side& source, const std::vector<TableShape>& tables, const std::string& target) {
    in_transaction(source, [&] {
        source.freeze(tables);
        set_mark(source, moved_away, target);
        crash_point("move.before_retirement");
    });
    crash_point("move.after_retirement");
}

} // namespace millrace::store
