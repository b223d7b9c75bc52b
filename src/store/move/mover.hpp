// One call of a move, from the first look to the switch. Used by one thread; failures leave as DatabaseError or as an
// Error that says what to do.
#pragma once
#include "store/data_lock.hpp"
#include "store/move.hpp"
#include "store/move/pg_side.hpp"
#include "store/move/sqlite_side.hpp"
#include "store/move/table_copy.hpp"

#include <memory>
#include <optional>

namespace millrace::store {

class Mover {
public:
    // Both are borrowed.
    Mover(const MoveOptions& options, const MoveWatch& watch);

    Result<MoveReport> run();

private:
    bool to_postgres() const { return !options_.target_url.empty(); }
    std::filesystem::path filling() const { return options_.data / "millrace.db.moving"; }

    // Each opens what it can, and adds what it finds to the report.
    void look_at_source();
    void look_at_target();
    bool is_done();
    // Whether what is there is complete, and waits for its place alone.
    bool waits_for_its_place();

    Result<void> prepare_target();
    std::vector<TableCopy> copies();
    void copy_live();
    Result<void> take_over(); // from a daemon: the lock, and connections that nobody else's writes change
    Result<void> finish();
    Result<void> compare(std::vector<TableCopy>& copies);
    void complete();
    void place();
    std::int64_t round(std::vector<TableCopy>& copies, bool live);
    void note_read(std::int64_t rows);

    const MoveOptions& options_;
    const MoveWatch& watch_;
    MoveReport report_;
    std::optional<DataLock> lock_;
    std::unique_ptr<Side> source_, target_;
    std::vector<TableShape> shapes_;
    TableCopy::Watch count_;
    std::string step_;
    std::int64_t read_ = 0, expected_ = 1; // rows of this step
};

} // namespace millrace::store
