// A SELECT whose rows come from a cursor on the server, in pieces: memory is bounded, whatever the table holds, and a
// reader who stops early has cost little. Other statements may run between the pieces. Within one transaction.
#pragma once
#include "store/postgres/pg_statement.hpp"

namespace millrace::store {

class PgConnection;

class PgScan final : public PgStatement {
public:
    // `name` is the cursor's.
    PgScan(PgConnection& connection, const char* sql, std::string name);

    void start(const PgParameters& parameters);
    bool step() override;
    void close() noexcept override;

private:
    void fetch();

    PgConnection& connection_;
    int wanted_ = 0; // rows of the present piece; it has fewer at the end
    int read_ = 0;   // of it
};

} // namespace millrace::store
