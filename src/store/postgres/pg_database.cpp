#include "store/data_lock.hpp"
#include "store/postgres.hpp"
#include "store/postgres/pg_reader.hpp"
#include "store/postgres/pg_schema.hpp"
#include "store/postgres/pg_writer.hpp"

namespace millrace::store {
namespace {

class PgDatabase final : public Database {
public:
    PgDatabase(DataLock lock, std::unique_ptr<PgLink> link, int version, const PostgresOptions& options,
               telemetry::Log& log, telemetry::Metrics& metrics)
        : lock_{std::move(lock)},
          version_{version},
          writer_{std::move(link), options, log, metrics},
          readers_{make_readers(options), options.read_queue, log, metrics} {}
    ~PgDatabase() override { close(); }

    DatabaseStats stats() const override {
        return {.driver = "postgres",
                .schema_version = version_,
                .damage = {},
                .bytes = writer_.bytes(),
                .groups = writer_.groups(),
                .writes = writer_.writes(),
                .reads = readers_.reads(),
                .most_rows = writer_.most_rows()};
    }
    std::optional<std::string> failure() const override { return writer_.failure(); }
    std::optional<std::string> unreachable() const override { return writer_.unreachable(); }

    void close() override {
        readers_.close();
        writer_.close();
    }

private:
    static std::vector<std::unique_ptr<Reader>> make_readers(const PostgresOptions& options) {
        std::vector<std::unique_ptr<Reader>> readers;
        for (std::size_t i = 0; i < options.readers; ++i) readers.push_back(std::make_unique<PgReader>(options));
        return readers;
    }
    void submit_write(std::unique_ptr<Operation> operation) override { writer_.submit(std::move(operation)); }
    void submit_read(std::unique_ptr<Operation> operation) override { readers_.submit(std::move(operation)); }

    DataLock lock_; // first in, last out
    int version_;
    PgWriter writer_;
    ReadPool readers_;
};

// A folder and a database that nobody else works on, brought to a version of the schema.
struct Taken {
    DataLock lock;
    std::unique_ptr<PgLink> link;
    int before = 0, version = 0;
};

Result<Taken> take(const PostgresOptions& options, std::optional<int> version, telemetry::Log& log) {
    auto lock = DataLock::acquire(options.data);
    if (!lock) return lock.error();
    const auto migrations = load_migrations(embedded::postgres_migrations(), first_postgres_migration);
    if (!migrations) return migrations.error();
    auto link = std::make_unique<PgLink>(options, log);
    if (auto opened = link->open(); !opened) return opened.error();
    Taken taken{std::move(*lock), std::move(link)};
    PgSchema schema{taken.link->connection()};
    try {
        schema.prepare();
        taken.before = schema.version();
        const int target = version.value_or(migrations->back().version);
        if (auto done = migrate(schema, *migrations, target, SystemClock::instance().now()); !done) return done.error();
        taken.version = schema.version();
        return taken;
    } catch (const DatabaseError& error) {
        return Error{Code::unavailable, std::string{"the database cannot be opened: "} + error.what()};
    }
}

} // namespace

Result<std::unique_ptr<Database>> open_postgres(const PostgresOptions& options, telemetry::Log& log,
                                                telemetry::Metrics& metrics) {
    auto taken = take(options, std::nullopt, log);
    if (!taken) return taken.error();
    if (taken->before != taken->version)
        log.info("database migrated", {{"from", taken->before}, {"to", taken->version}});
    try {
        taken->link->row().enter();
    } catch (const DatabaseError& error) {
        return Error{Code::unavailable, std::string{"the database cannot be opened: "} + error.what()};
    }
    return std::make_unique<PgDatabase>(std::move(taken->lock), std::move(taken->link), taken->version, options, log,
                                        metrics);
}

Result<int> migrate_postgres(const PostgresOptions& options, std::optional<int> version) {
    telemetry::Log nowhere{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
    auto taken = take(options, version, nowhere);
    if (!taken) return taken.error();
    return taken->version;
}

} // namespace millrace::store
