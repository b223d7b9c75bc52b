#include "store/sqlite/sqlite_reader.hpp"

namespace millrace::store {

using SteadyClock = std::chrono::steady_clock;

SqliteReader::SqliteReader(const std::filesystem::path& file, const SqliteOptions& options, telemetry::Log& log)
    : limit_{options.read_limit},
      log_{log},
      connection_{file, Connection::Access::read},
      session_{connection_} {}

// One transaction, so that all statements of the task see the same state.
void SqliteReader::run(Operation& operation) {
    session_.begin_task();
    if (operation.limited) connection_.limit_until(SteadyClock::now() + limit_);
    else connection_.limit_until(SteadyClock::time_point::max(), &stopped_);
    try {
        connection_.statement("BEGIN").run();
        operation.run(session_);
    } catch (const DatabaseError& error) {
        log_.write(error.fault() == Fault::broken ? telemetry::Level::error : telemetry::Level::warning,
                   "a read failed", {{"reason", error.what()}});
        operation.fail(to_error(error));
    } catch (const std::exception& error) {
        log_.error("a read task threw", {{"reason", error.what()}});
        operation.fail({Code::internal, "the operation failed"});
    }
    connection_.limit_until(SteadyClock::time_point::max());
    if (connection_.in_transaction()) connection_.statement("ROLLBACK").run();
}

} // namespace millrace::store
