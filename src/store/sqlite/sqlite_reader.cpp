#include "store/sqlite/sqlite_reader.hpp"

namespace millrace::store {

using SteadyClock = std::chrono::steady_clock;

SqliteReader::SqliteReader(const std::filesystem::path& file, const SqliteOptions& options)
    : limit_{options.read_limit},
      connection_{file, Connection::Access::read},
      session_{connection_} {}

// One transaction, so that all statements of the task see the same state.
void SqliteReader::run(Operation& operation) {
    session_.begin_task();
    if (operation.limited) connection_.limit_until(SteadyClock::now() + limit_);
    else connection_.limit_until(SteadyClock::time_point::max(), &stopped_);
    connection_.statement("BEGIN").run();
    operation.run(session_);
}

void SqliteReader::end() {
    connection_.limit_until(SteadyClock::time_point::max());
    if (connection_.in_transaction()) connection_.statement("ROLLBACK").run();
}

} // namespace millrace::store
