#include "store/postgres/pg_reader.hpp"

#include <fmt/format.h>

namespace millrace::store {
namespace {

constexpr auto of_unlimited = std::chrono::minutes{10}; // for one statement of a read without a limit of its own
constexpr auto grace = std::chrono::seconds{2};         // for the server to stop one that has a limit

} // namespace

PgReader::PgReader(const PostgresOptions& options)
    : limit_{options.read_limit},
      connection_{options.url, "millrace reader", of_unlimited},
      session_{connection_} {}

// One state of the database for all statements of the task. A connection that was lost since the last task is noticed
// here, before the task has begun: then a second one is tried.
void PgReader::begin(bool limited) {
    const auto start = fmt::format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
                                   limited ? limit_.count() : 0);
    connection_.answer_within(limited ? std::chrono::milliseconds{limit_ + grace} : of_unlimited);
    if (connection_.is_open()) {
        try {
            connection_.script(start);
            return;
        } catch (const DatabaseError& error) {
            if (error.fault() != Fault::lost) throw;
        }
    }
    connection_.connect();
    connection_.script(start);
}

void PgReader::run(Operation& operation) {
    session_.begin_task();
    connection_.stop_when(operation.limited ? nullptr : &stopped_);
    begin(operation.limited);
    operation.run(session_);
    session_.send_inserts(); // refused: it is a reader
}

void PgReader::end() {
    try {
        if (connection_.in_transaction()) connection_.script("ROLLBACK");
    } catch (const DatabaseError&) { // lost, or in no state to go on
        connection_.disconnect();
    }
}

} // namespace millrace::store
