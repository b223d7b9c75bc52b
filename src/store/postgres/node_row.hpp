// This daemon's row in the table `nodes`: who may write, and which group of writes was committed last. Each group
// counts itself there in its own transaction. So after a connection was lost during COMMIT the row tells what became of
// it, and a daemon that another one has followed finds its epoch gone and writes no more. Used by the writer's thread.
#pragma once
#include "store/postgres/pg_connection.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace millrace::store {

// Another daemon has taken the node's place, or the database is an older state of itself: this daemon's memory holds
// what is not stored.
class Fenced : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class NodeRow {
public:
    NodeRow(PgConnection& connection, std::string node) : connection_{connection}, node_{std::move(node)} {}

    // Keeps other daemons off the database for as long as the connection lasts. False when one is there. The first time
    // on an empty database, and again after each connect().
    bool lock();
    // A new epoch. After lock(), and on a migrated database.
    void enter();
    // After a new connection: throws Fenced when the row is not this daemon's, or an older one.
    void check();

    // Begins the transaction of the next group. Throws Fenced.
    void begin_group();
    // The group that was begun last is committed.
    void note_commit() { committed_ = group_; }
    // Whether the group that was begun last was committed. Waits for a backend that still holds the row.
    bool was_committed();

private:
    PgConnection& connection_;
    const std::string node_;
    std::int64_t epoch_ = 0;
    std::int64_t group_ = 0;     // begun last
    std::int64_t committed_ = 0; // of those that are known to be
};

} // namespace millrace::store
