#include "store/sqlite/connection.hpp"

#include "base/descriptor.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

namespace millrace::store {
namespace {

Fault fault_of(sqlite3* connection, int code) {
    const int error = connection ? sqlite3_system_errno(connection) : 0;
    const bool flush = code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return Fault::constraint;
    case SQLITE_FULL: return Fault::full;
    case SQLITE_INTERRUPT: return Fault::time_limit;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM: return Fault::unavailable;
    // A quota is met as an input/output error. One from a flush is never taken lightly, whatever it says.
    case SQLITE_IOERR: return !flush && (error == ENOSPC || error == EDQUOT) ? Fault::full : Fault::broken;
    case SQLITE_READONLY:
        return connection && sqlite3_db_readonly(connection, "main") == 1 ? Fault::misuse : Fault::broken;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: return Fault::broken;
    default: return Fault::misuse;
    }
}

[[noreturn]] void fail(sqlite3* connection, int code, const std::string& doing) {
    const int extended = connection ? sqlite3_extended_errcode(connection) : code;
    const char* message = connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
    throw DatabaseError{fault_of(connection, extended), fmt::format("{}: {} ({})", doing, message, extended)};
}

void check(sqlite3* connection, int code, const char* doing) {
    if (code != SQLITE_OK) fail(connection, code, doing);
}

// Once a process, before the first connection: statistics of memory take a global lock at every allocation.
void configure_library() {
    static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)once;
}

} // namespace

Statement::Statement(sqlite3* connection, const char* sql) : connection_{connection} {
    const char* rest = nullptr;
    check(connection, sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, &rest), sql);
    if (!statement_ || (rest && rest[std::strspn(rest, " \t\r\n;")] != '\0')) {
        sqlite3_finalize(statement_);
        throw DatabaseError{Fault::misuse, std::string{"not one statement: "} + sql};
    }
    const int count = sqlite3_bind_parameter_count(statement_);
    for (int i = 1; i <= count; ++i) {
        const int index = sqlite3_bind_parameter_index(statement_, fmt::format("${}", i).c_str());
        if (index == 0) {
            sqlite3_finalize(statement_);
            throw DatabaseError{Fault::misuse, fmt::format("parameters must be $1 to ${}: {}", count, sql)};
        }
        parameters_.push_back(index);
    }
    writes_ = sqlite3_stmt_readonly(statement_) == 0;
    names_tenant_ = count > 0 && std::strstr(sql, "organization_id") != nullptr;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::bind(const Value* tenant, std::span<const Value> values, Lifetime lifetime) {
    const std::size_t before = tenant ? 1 : 0;
    if (before + values.size() != parameters_.size())
        throw DatabaseError{Fault::misuse, fmt::format("{} values for {} parameters: {}", before + values.size(),
                                                       parameters_.size(), sqlite3_sql(statement_))};
    if (tenant) bind_one(parameters_[0], *tenant, lifetime);
    for (std::size_t i = 0; i < values.size(); ++i) bind_one(parameters_[before + i], values[i], lifetime);
}

void Statement::bind_one(int index, const Value& value, Lifetime lifetime) {
    const auto keep = lifetime == Lifetime::outlives ? SQLITE_STATIC : SQLITE_TRANSIENT;
    const auto text = [&](std::string_view v) {
        // A null pointer would bind NULL.
        return sqlite3_bind_text64(statement_, index, v.empty() ? "" : v.data(), v.size(), keep, SQLITE_UTF8);
    };
    struct Visitor {
        sqlite3_stmt* statement;
        int index;
        decltype(keep) how;
        decltype(text)& bind_text;
        int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
        int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, index, v); }
        int operator()(double v) const { return sqlite3_bind_double(statement, index, v); }
        int operator()(std::string_view v) const { return bind_text(v); }
        int operator()(const Value::IdText& v) const { return bind_text(v.view()); }
        int operator()(std::span<const std::byte> v) const {
            return v.empty() ? sqlite3_bind_zeroblob(statement, index, 0)
                             : sqlite3_bind_blob64(statement, index, v.data(), v.size(), how);
        }
    };
    check(connection_, std::visit(Visitor{statement_, index, keep, text}, value.held()), "bind");
}

bool Statement::step() {
    busy_ = true;
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    try {
        fail(connection_, code, sqlite3_sql(statement_));
    } catch (...) {
        close();
        throw;
    }
}

void Statement::close() noexcept {
    sqlite3_reset(statement_);
    busy_ = false;
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Statement::text(int column) const {
    const auto* data = sqlite3_column_text(statement_, column);
    return data ? std::string_view{reinterpret_cast<const char*>(data),
                                   static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))}
                : std::string_view{};
}

std::span<const std::byte> Statement::bytes(int column) const {
    const auto* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const std::byte*>(data),
            data ? static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)) : 0};
}

Connection::Connection(const std::filesystem::path& file, Access access) : log_file_{file.string() + "-wal"} {
    configure_library();
    const int mode = access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    const int code =
        sqlite3_open_v2(file.c_str(), &handle_, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
    try {
        if (code != SQLITE_OK) fail(handle_, code, "open " + file.string());
        configure(access);
    } catch (...) {
        statements_.clear();
        sqlite3_close(handle_);
        throw;
    }
}

Connection::~Connection() {
    statements_.clear();
    sqlite3_close(handle_);
}

void Connection::configure(Access access) {
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, 2000);
    check(handle_, sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr), "defensive");
    script("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;");
    // Only the writer ever checkpoints, and it says when.
    script("PRAGMA wal_autocheckpoint = 0;");
    if (access == Access::read) {
        leave_log_alone();
        script("PRAGMA query_only = ON; PRAGMA cache_size = -4096;");
    } else {
        script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;");
        if (integer("PRAGMA synchronous") != 2) throw DatabaseError{Fault::misuse, "synchronous = FULL was not taken"};
        if (auto& mode = statement("PRAGMA journal_mode"); !mode.step() || mode.text(0) != "wal")
            throw DatabaseError{Fault::broken, "the file system does not support a write-ahead log"};
        else mode.close();
        sqlite3_wal_hook(
            handle_,
            [](void* self, sqlite3*, const char*, int pages) {
                static_cast<Connection*>(self)->log_pages_ = pages;
                return SQLITE_OK;
            },
            this);
    }
    sqlite3_progress_handler(
        handle_, 4000,
        [](void* self) {
            const auto& connection = *static_cast<Connection*>(self);
            const bool stopped = connection.stop_ && connection.stop_->load(std::memory_order_relaxed);
            return stopped || std::chrono::steady_clock::now() > connection.deadline_ ? 1 : 0;
        },
        this);
}

void Connection::leave_log_alone() {
    check(handle_, sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr), "no checkpoint on close");
}

Statement& Connection::prepare(const char* sql) {
    return *statements_.emplace(sql, std::make_unique<Statement>(handle_, sql)).first->second;
}

void Connection::script(const std::string& sql) {
    check(handle_, sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), "script");
}

std::int64_t Connection::integer(const char* sql) {
    auto& asked = statement(sql);
    const std::int64_t value = asked.step() ? asked.integer(0) : 0;
    asked.close();
    return value;
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Connection::total_changes() const { return sqlite3_total_changes64(handle_); }

// Not through SQLite, which has no call for it. Its locks are on other files, and nobody else writes this one.
std::uint64_t Connection::grow_log(std::uint64_t size) {
    const Descriptor file{::open(log_file_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)};
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0) return 0;
    auto end = static_cast<std::uint64_t>(found.st_size);
    static constexpr std::array<char, 65536> zeros{};
    while (end < size) {
        const auto wrote = ::pwrite(file.get(), zeros.data(), std::min<std::uint64_t>(zeros.size(), size - end),
                                    static_cast<off_t>(end));
        if (wrote <= 0) return 0;
        end += static_cast<std::uint64_t>(wrote);
    }
    return ::fsync(file.get()) == 0 ? end : 0;
}

void Connection::keep_log_below(std::uint64_t bytes) { script("PRAGMA journal_size_limit = " + std::to_string(bytes)); }

void Connection::copy_to(const std::string& file) {
    Statement copy{handle_, "VACUUM INTO $1"};
    const Value name{file};
    copy.bind(nullptr, {&name, 1}, Statement::Lifetime::outlives);
    copy.run();
}

bool Connection::checkpoint(Checkpoint mode, std::chrono::milliseconds patience) {
    const int how = mode == Checkpoint::passive   ? SQLITE_CHECKPOINT_PASSIVE
                    : mode == Checkpoint::restart ? SQLITE_CHECKPOINT_RESTART
                                                  : SQLITE_CHECKPOINT_TRUNCATE;
    sqlite3_busy_timeout(handle_, static_cast<int>(patience.count()));
    int in_log = 0, written = 0;
    const int code = sqlite3_wal_checkpoint_v2(handle_, "main", how, &in_log, &written);
    sqlite3_busy_timeout(handle_, 2000);
    if ((code & 0xff) == SQLITE_BUSY) return false;
    check(handle_, code, "checkpoint");
    return in_log == written;
}

} // namespace millrace::store
