#include "store/data_lock.hpp"
#include "store/read_pool.hpp"
#include "store/sqlite.hpp"
#include "store/sqlite/fault_disk.hpp"
#include "store/sqlite/group_writer.hpp"
#include "store/sqlite/migrator.hpp"
#include "store/sqlite/sqlite_reader.hpp"
#include "store/sqlite/start_check.hpp"

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
    SqliteDatabase(DataLock lock, std::unique_ptr<Connection> connection, int version, std::string damage,
                   const SqliteOptions& options, telemetry::Log& log, telemetry::Metrics& metrics)
        : lock_{std::move(lock)},
          file_{(options.data / file_name).string()},
          version_{version},
          damage_{std::move(damage)},
          writer_{std::move(connection), options, log, metrics},
          readers_{connect_readers(options), options.read_queue, log, metrics} {}
    ~SqliteDatabase() override { close(); }

    DatabaseStats stats() const override {
        return {.driver = "sqlite",
                .schema_version = version_,
                .damage = damage_,
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
    static std::vector<std::unique_ptr<Reader>> connect_readers(const SqliteOptions& options) {
        std::vector<std::unique_ptr<Reader>> readers;
        for (std::size_t i = 0; i < options.readers; ++i)
            readers.push_back(std::make_unique<SqliteReader>(options.data / file_name, options));
        return readers;
    }
    void submit_write(std::unique_ptr<Operation> operation) override { writer_.submit(std::move(operation)); }
    void submit_read(std::unique_ptr<Operation> operation) override { readers_.submit(std::move(operation)); }

    DataLock lock_; // first in, last out
    std::string file_;
    int version_;
    std::string damage_;
    GroupWriter writer_;
    ReadPool readers_;
};

Result<std::vector<Migration>> known_migrations() { return load_migrations(embedded::migrations()); }

Error cannot_open(const DatabaseError& error, const std::filesystem::path& data) {
    const char* advice =
        error.fault() == Fault::broken ? ". Look at the disk; put the database and its log back from one backup" : "";
    return {Code::unavailable,
            "the database " + (data / file_name).string() + " cannot be opened: " + error.what() + advice};
}

// A database of an installation whose schema is gone would be given a new one in silence.
Result<std::optional<std::string>> check_schema(Connection& connection, const SqliteOptions& options) {
    if (schema_version(connection) > 0) return std::optional<std::string>{};
    return check_new(options.data, options.accept_damage);
}

} // namespace

Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options, telemetry::Log& log,
                                              telemetry::Metrics& metrics) {
    auto lock = DataLock::acquire(options.data);
    if (!lock) return lock.error();
    const auto faults = install_ordered_faults();
    if (!faults) return faults.error();
    if (*faults)
        log.warning("the database's disk has faults, as MILLRACE_DISK_FAULT orders; unset it unless this is a test");
    const auto migrations = known_migrations();
    if (!migrations) return migrations.error();
    auto damage = check_files(options.data, options.accept_damage, log);
    if (!damage) return damage.error();
    try {
        auto connection = std::make_unique<Connection>(options.data / file_name, Connection::Access::write);
        if (!*damage) damage = check_schema(*connection, options);
        if (!damage) return damage.error();
        if (*damage)
            log.error("damage was accepted, as store.accept_damage orders; unset it now", {{"what", **damage}});
        const int before = schema_version(*connection);
        const int target = static_cast<int>(migrations->size());
        if (auto done = migrate(*connection, *migrations, target, SystemClock::instance().now()); !done)
            return done.error();
        if (before != target) log.info("database migrated", {{"from", before}, {"to", target}});
        return std::make_unique<SqliteDatabase>(std::move(*lock), std::move(connection), target, damage->value_or(""),
                                                options, log, metrics);
    } catch (const DatabaseError& error) { return cannot_open(error, options.data); }
}

Result<int> migrate_sqlite(const std::filesystem::path& data, std::optional<int> version) {
    auto lock = DataLock::acquire(data);
    if (!lock) return lock.error();
    const auto migrations = known_migrations();
    if (!migrations) return migrations.error();
    telemetry::Log nowhere{telemetry::Level::error, telemetry::LogFormat::logfmt, -1};
    if (const auto damage = check_files(data, false, nowhere); !damage) return damage.error();
    try {
        Connection connection{data / file_name, Connection::Access::write};
        const int target = version.value_or(static_cast<int>(migrations->size()));
        if (auto done = migrate(connection, *migrations, target, SystemClock::instance().now()); !done)
            return done.error();
        return schema_version(connection);
    } catch (const DatabaseError& error) { return cannot_open(error, data); }
}

} // namespace millrace::store
