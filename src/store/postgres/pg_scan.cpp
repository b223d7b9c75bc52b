#include "store/postgres/pg_scan.hpp"

#include "store/postgres/pg_connection.hpp"
#include "store/postgres/pg_dialect.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

namespace millrace::store {
namespace {

constexpr int first_piece = 100, piece = 1000; // rows
constexpr int piece_of_large = 50;             // where the rows before took more than:
constexpr std::size_t large = 1 << 20;

} // namespace

PgScan::PgScan(PgConnection& connection, const char* sql, std::string name)
    : PgStatement{sql, std::move(name)},
      connection_{connection} {}

void PgScan::start(const PgParameters& parameters) {
    check(parameters);
    connection_.run(fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", name(), in_postgres(sql())), parameters);
    wanted_ = first_piece;
    fetch();
}

void PgScan::fetch() {
    keep(connection_.script(fmt::format("FETCH {} FROM {}", wanted_, name())));
    read_ = 0;
}

bool PgScan::step() {
    if (read_ == rows() && rows() == wanted_) {
        wanted_ = PQresultMemorySize(result()) > large ? piece_of_large : piece;
        fetch();
    }
    ++read_;
    return PgStatement::step();
}

// A transaction that has failed, or a connection that is lost, has closed it already.
void PgScan::close() noexcept {
    PgStatement::close();
    try {
        connection_.script("CLOSE " + name());
    } catch (const DatabaseError&) {} // the end of the transaction closes it
}

} // namespace millrace::store
