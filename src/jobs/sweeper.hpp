// Forgets what nobody asks for any more: idempotency keys and unique keys whose time is over, old events, and totals of
// more queues and kinds than an organisation keeps. Chores of the housekeeping. On one thread.
#pragma once
#include "async/awaitable.hpp"
#include "base/clock.hpp"
#include "jobs/ending/total_repository.hpp"
#include "store/database.hpp"

#include <vector>

namespace millrace::jobs {

class Sweeper {
public:
    Sweeper(store::Database& database, const Clock& clock) : database_{database}, clock_{clock} {} // borrows both

    // Each deletes some, and says whether there may be more.
    awaitable<bool> forget_keys_and_events();
    awaitable<bool> fold_totals();

private:
    store::Database& database_;
    const Clock& clock_;
    std::vector<total_repository::Key> surplus_; // found, and not folded yet
};

} // namespace millrace::jobs
