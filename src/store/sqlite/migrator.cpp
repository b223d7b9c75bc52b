#include "store/sqlite/migrator.hpp"

namespace millrace::store {
namespace {

constexpr const char* create_table = R"(CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT)";

class SqliteSchema final : public Schema {
public:
    explicit SqliteSchema(Connection& connection) : connection_{connection} {}

    void prepare() override { connection_.script(create_table); }
    int version() override { return schema_version(connection_); }
    std::string name(int version) override;
    void begin() override { connection_.script("BEGIN IMMEDIATE"); }
    void run(const std::string& script) override { connection_.script(script); }
    void commit() override { connection_.script("COMMIT"); }
    void roll_back() noexcept override {
        try {
            if (connection_.in_transaction()) connection_.script("ROLLBACK");
        } catch (const DatabaseError&) { // it ends with the connection
        }
    }

private:
    Connection& connection_;
};

std::string SqliteSchema::name(int version) {
    auto& asked = connection_.statement("SELECT name FROM schema_migrations WHERE version = $1");
    const Value value{version};
    asked.bind(nullptr, {&value, 1}, Statement::Lifetime::outlives);
    std::string name{asked.step() ? asked.text(0) : ""};
    asked.close();
    return name;
}

} // namespace

int schema_version(Connection& connection) {
    if (connection.integer("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'") ==
        0)
        return 0;
    return static_cast<int>(connection.integer("SELECT max(version) FROM schema_migrations"));
}

Result<void> migrate(Connection& connection, std::span<const Migration> migrations, int target, Timestamp now) {
    SqliteSchema schema{connection};
    return migrate(schema, migrations, target, now);
}

} // namespace millrace::store
