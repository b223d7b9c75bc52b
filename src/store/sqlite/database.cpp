#include "store/data_lock.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite/fault_disk.hpp"
#include "store/sqlite/group_writer.hpp"
#include "store/sqlite/migrator.hpp"
#include "store/sqlite/read_pool.hpp"

#include <sys/stat.h>

namespace millrace::store {
namespace {

constexpr const char* file_name = "millrace.db";

std::uint64_t size_of(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

class SqliteDatabase final : public Database {
public:
    SqliteDatabase(DataLock lock, std::unique_ptr<Connection> connection, int version, const SqliteOptions& options,
                   telemetry::Log& log, telemetry::Metrics& metrics)
        : lock_{std::move(lock)}, file_{(options.data / file_name).string()}, version_{version},
          writer_{std::move(connection), options, log, metrics}, readers_{file_, options, log, metrics} {}
    ~SqliteDatabase() override { close(); }

    DatabaseStats stats() const override {
        return {.driver = "sqlite",
                .schema_version = version_,
                .bytes = size_of(file_) + size_of(file_ + "-wal"),
                .groups = writer_.groups(),
                .writes = writer_.writes(),
                .reads = readers_.reads(),
                .most_rows = writer_.most_rows()};
    }
    std::optional<std::string> failure() const override { return writer_.failure(); }

    // Readers first: nothing then stands in the way of the last checkpoint.
    void close() override {
        readers_.close();
        writer_.close();
    }

private:
    void submit_write(std::unique_ptr<Operation> operation) override { writer_.submit(std::move(operation)); }
    void submit_read(std::unique_ptr<Operation> operation) override { readers_.submit(std::move(operation)); }

    DataLock lock_; // first in, last out
    std::string file_;
    int version_;
    GroupWriter writer_;
    ReadPool readers_;
};

Result<std::vector<Migration>> known_migrations() { return load_migrations(embedded::migrations()); }

Error cannot_open(const DatabaseError& error) { return {Code::unavailable, std::string{"the database cannot be opened: "} + error.what()}; }

} // namespace

Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options, telemetry::Log& log, telemetry::Metrics& metrics) {
    auto lock = DataLock::acquire(options.data);
    if (!lock) return lock.error();
    const auto faults = install_ordered_faults();
    if (!faults) return faults.error();
    if (*faults) log.warning("the database's disk has faults, as MILLRACE_DISK_FAULT orders; unset it unless this is a test");
    const auto migrations = known_migrations();
    if (!migrations) return migrations.error();
    try {
        auto connection = std::make_unique<Connection>(options.data / file_name, Connection::Access::write);
        const int before = schema_version(*connection);
        const int target = static_cast<int>(migrations->size());
        if (auto done = migrate(*connection, *migrations, target, SystemClock::instance().now()); !done) return done.error();
        if (before != target) log.info("database migrated", {{"from", before}, {"to", target}});
        return std::make_unique<SqliteDatabase>(std::move(*lock), std::move(connection), target, options, log, metrics);
    } catch (const DatabaseError& error) {
        return cannot_open(error);
    }
}

Result<int> migrate_sqlite(const std::filesystem::path& data, std::optional<int> version) {
    auto lock = DataLock::acquire(data);
    if (!lock) return lock.error();
    const auto migrations = known_migrations();
    if (!migrations) return migrations.error();
    try {
        Connection connection{data / file_name, Connection::Access::write};
        const int target = version.value_or(static_cast<int>(migrations->size()));
        if (auto done = migrate(connection, *migrations, target, SystemClock::instance().now()); !done) return done.error();
        return schema_version(connection);
    } catch (const DatabaseError& error) {
        return cannot_open(error);
    }
}

} // namespace millrace::store
