// What the migrator needs of a PostgreSQL connection.
#pragma once
#include "store/migrations.hpp"
#include "store/postgres/pg_connection.hpp"

namespace millrace::store {

// The first step there: it makes at once what the earlier ones made on SQLite.
constexpr int first_postgres_migration = 9;

class PgSchema final : public Schema {
public:
    explicit PgSchema(PgConnection& connection) : connection_{connection} {}

    void prepare() override;
    int version() override;
    std::string name(int version) override;
    void begin() override { connection_.script("BEGIN"); }
    void run(const std::string& script) override { connection_.script(script); }
    void commit() override { connection_.script("COMMIT"); }
    void roll_back() noexcept override;

private:
    PgConnection& connection_;
};

} // namespace millrace::store
