// COPY FROM STDIN on a PgConnection: many rows in one statement, which is what fills a table fastest.
#include "store/postgres/pg_connection.hpp"

#include <libpq-fe.h>

#include <algorithm>

namespace millrace::store {
namespace {

constexpr std::size_t piece = 64 << 10; // handed to libpq at once: it keeps what the server has not taken

} // namespace

void PgConnection::copy_in(const std::string& statement, std::string_view rows) {
    if (!handle_) throw DatabaseError{Fault::lost, "there is no connection"};
    if (!PQsendQuery(handle_, statement.c_str())) lose_as_told();
    const auto until = std::chrono::steady_clock::now() + answer_limit_;
    wait_for_result(until);
    const PgResult begun{PQgetResult(handle_)};
    if (!begun) lose_as_told();
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) {
        while (const PgResult rest{PQgetResult(handle_)}) {}
        fail(begun.get(), statement.c_str());
    }
    while (!rows.empty()) {
        const auto part = rows.substr(0, piece);
        const int taken = PQputCopyData(handle_, part.data(), static_cast<int>(part.size()));
        if (taken < 0) lose_as_told();
        if (taken == 1) rows.remove_prefix(part.size());
        while (PQflush(handle_) == 1) wait_for_socket(until, true); // the server says nothing before the end
    }
    for (int taken = 0; (taken = PQputCopyEnd(handle_, nullptr)) != 1;) {
        if (taken < 0) lose_as_told();
        wait_for_socket(until, true);
    }
    answer(statement.c_str());
}

} // namespace millrace::store
