#include "cache/environment.hpp"

#include <lmdb.h>

#include <fstream>

#include <sys/stat.h>

namespace millrace::cache {
namespace {

using std::filesystem::path;

void check(int code, const char* doing) {
    if (code != MDB_SUCCESS) throw EnvironmentError{code, std::string{doing} + ": " + mdb_strerror(code)};
}

MDB_val value_of(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string_view text_of(const MDB_val& value) { return {static_cast<const char*>(value.mv_data), value.mv_size}; }

std::string read_line(const path& file) {
    std::string line;
    std::getline(std::ifstream{file}, line);
    return line;
}

// Changes with every start of the machine.
std::string boot_id() { return read_line("/proc/sys/kernel/random/boot_id"); }

// The mark beside the data: "closed", or the boot in which it is or was open; absent when it is not to be trusted.
path mark_of(const path& folder) { return folder / "mark"; }
void write_mark(const path& folder, const std::string& text) {
    std::ofstream{mark_of(folder), std::ios::trunc} << text << '\n';
}

bool trusted(const path& folder) {
    if (!std::filesystem::exists(folder / "data.mdb")) return true; // empty
    const auto mark = read_line(mark_of(folder));
    return mark == "closed" || (!mark.empty() && mark == boot_id());
}

void move_aside(const path& folder) {
    const path aside = folder.string() + ".damaged";
    std::filesystem::remove_all(aside);
    std::filesystem::rename(folder, aside);
}

} // namespace

EnvironmentError::EnvironmentError(int code, const std::string& what) : std::runtime_error{what}, code_{code} {}
bool EnvironmentError::full() const {
    return code_ == MDB_MAP_FULL || code_ == MDB_TXN_FULL || code_ == MDB_READERS_FULL || code_ == ENOSPC;
}

Result<std::unique_ptr<Environment>> Environment::open_or_recreate(const path& folder, std::size_t map_size,
                                                                   telemetry::Log& log) {
    try {
        if (!trusted(folder)) {
            log.warning("the cache was not closed before the machine went down; it starts afresh");
            move_aside(folder);
        }
        try {
            std::filesystem::create_directories(folder);
            return std::unique_ptr<Environment>{new Environment{folder, map_size}};
        } catch (const EnvironmentError& error) {
            log.warning("the cache cannot be read; it starts afresh", {{"reason", error.what()}});
        }
        move_aside(folder);
        std::filesystem::create_directories(folder);
        return std::unique_ptr<Environment>{new Environment{folder, map_size}};
    } catch (const std::exception& error) {
        return Error{Code::unavailable, "cannot open the cache in " + folder.string() + ": " + error.what()};
    }
}

Environment::Environment(path folder, std::size_t map_size) : folder_{std::move(folder)} {
    check(mdb_env_create(&handle_), "create");
    try {
        check(mdb_env_set_maxdbs(handle_, 2), "tables");
        check(mdb_env_set_mapsize(handle_, map_size), "map");
        check(mdb_env_set_maxreaders(handle_, 64), "readers");
        // No thread-local slots: reads come from pools of threads that outlive nothing.
        check(mdb_env_open(handle_, folder_.c_str(), MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD, 0600), "open");
        // A cut-off file would be a bus error at the first touch of what is missing.
        MDB_envinfo info{};
        MDB_stat pages{};
        struct stat file {};
        check(mdb_env_info(handle_, &info), "info");
        check(mdb_env_stat(handle_, &pages), "stat");
        if (::stat((folder_ / "data.mdb").c_str(), &file) != 0 ||
            static_cast<std::uint64_t>(file.st_size) < (info.me_last_pgno + 1) * std::uint64_t{pages.ms_psize})
            throw EnvironmentError{MDB_CORRUPTED, "the file is shorter than its own count of pages"};
        Transaction making{*this, Transaction::Access::write};
        tables_[0] = making.open_table("entries");
        tables_[1] = making.open_table("expiries");
        making.commit();
    } catch (...) {
        mdb_env_close(handle_);
        throw;
    }
    write_mark(folder_, boot_id());
}

Environment::~Environment() {
    const bool flushed = mdb_env_sync(handle_, 1) == MDB_SUCCESS;
    mdb_env_close(handle_);
    if (sound_ && flushed) write_mark(folder_, "closed");
}

void Environment::mark_unsound() {
    sound_ = false;
    std::error_code ignored;
    std::filesystem::remove(mark_of(folder_), ignored);
}

Transaction::Transaction(Environment& environment, Access access) : environment_{environment} {
    check(mdb_txn_begin(environment.handle_, nullptr, access == Access::read ? MDB_RDONLY : 0, &handle_), "begin");
}

Transaction::~Transaction() {
    if (handle_) mdb_txn_abort(handle_);
}

unsigned Transaction::open_table(const char* name) {
    unsigned table = 0;
    check(mdb_dbi_open(handle_, name, MDB_CREATE, &table), name);
    return table;
}

std::optional<std::string_view> Transaction::get(Table table, std::string_view key) {
    auto wanted = value_of(key);
    MDB_val found{};
    const int code = mdb_get(handle_, environment_.tables_[static_cast<unsigned>(table)], &wanted, &found);
    if (code == MDB_NOTFOUND) return std::nullopt;
    check(code, "get");
    return text_of(found);
}

std::optional<std::string_view> Transaction::first_key(Table table) {
    MDB_cursor* cursor = nullptr;
    check(mdb_cursor_open(handle_, environment_.tables_[static_cast<unsigned>(table)], &cursor), "cursor");
    MDB_val key{}, found{};
    const int code = mdb_cursor_get(cursor, &key, &found, MDB_FIRST);
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND) return std::nullopt;
    check(code, "first");
    return text_of(key);
}

void Transaction::put(Table table, std::string_view key, std::string_view value) {
    auto name = value_of(key);
    auto content = value_of(value);
    check(mdb_put(handle_, environment_.tables_[static_cast<unsigned>(table)], &name, &content, 0), "put");
}

void Transaction::erase(Table table, std::string_view key) {
    auto name = value_of(key);
    const int code = mdb_del(handle_, environment_.tables_[static_cast<unsigned>(table)], &name, nullptr);
    if (code != MDB_NOTFOUND) check(code, "delete");
}

std::uint64_t Transaction::entries(Table table) {
    MDB_stat stat{};
    check(mdb_stat(handle_, environment_.tables_[static_cast<unsigned>(table)], &stat), "stat");
    return stat.ms_entries;
}

std::uint64_t Transaction::bytes() {
    std::uint64_t total = 0;
    for (const unsigned table : environment_.tables_) {
        MDB_stat stat{};
        check(mdb_stat(handle_, table, &stat), "stat");
        total += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * std::uint64_t{stat.ms_psize};
    }
    return total;
}

void Transaction::commit() { check(mdb_txn_commit(std::exchange(handle_, nullptr)), "commit"); }

} // namespace millrace::cache
