// The SQL vocabulary of the repositories: statements, values, rows, sessions. One dialect for every driver: $1
// parameters by position, ON CONFLICT, RETURNING, integer microseconds, text ids (store/postgres/pg_dialect.hpp).
#pragma once
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "store/changes.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::store {

// A statement's text: a string literal, so that its address names the statement for good and each connection
// prepares it once. `constexpr Sql find_key{"SELECT …"};` or the literal in place.
struct Sql {
    const char* text;
    consteval Sql(const char* literal) : text{literal} {}
};

// One bound parameter. Text and bytes are borrowed until the end of the call they are passed to.
class Value {
public:
    struct IdText {
        std::array<char, 36> characters;
        std::string_view view() const { return {characters.data(), characters.size()}; }
    };
    using Held =
        std::variant<std::nullptr_t, std::int64_t, double, std::string_view, std::span<const std::byte>, IdText>;

    Value(std::nullptr_t) : held_{nullptr} {}
    Value(std::nullopt_t) : held_{nullptr} {}
    template <std::integral Integer>
    Value(Integer v) : held_{static_cast<std::int64_t>(v)} {}
    Value(double v) : held_{v} {}
    Value(const char* v) : held_{std::string_view{v}} {}
    Value(std::string_view v) : held_{v} {}
    Value(const std::string& v) : held_{std::string_view{v}} {}
    Value(std::span<const std::byte> v) : held_{v} {}
    Value(Timestamp v) : held_{v.micros} {}
    Value(const Uuid& id) : held_{IdText{}} { id.write_text(std::get<IdText>(held_).characters.data()); }
    template <class Tag>
    Value(const Id<Tag>& id) : Value{id.value} {}
    template <class T>
    Value(const std::optional<T>& v) : Value{nullptr} {
        if (v) *this = Value{*v};
    }

    const Held& held() const { return held_; }

private:
    Held held_;
};

// What went wrong inside the database. Thrown by sessions and rows, within store tasks only; the store turns it
// into an Error for whoever waits.
enum class Fault {
    constraint,  // a uniqueness, foreign key or check rule refused the row
    full,        // no space left on the device
    time_limit,  // a read was stopped because it had run too long
    unavailable, // locked by another program, or no memory: may work later
    conflict,    // another transaction was in the way, and this one was taken back: running it again may work
    lost,        // the connection to the server: what was not committed is taken back
    misuse,      // wrong number of parameters, a statement that the session refuses …: a mistake in the program
    broken,      // input/output error, corruption: the store stops
};

class DatabaseError : public std::runtime_error {
public:
    DatabaseError(Fault fault, const std::string& what) : std::runtime_error{what}, fault_{fault} {}
    Fault fault() const { return fault_; }

private:
    Fault fault_;
};

// What the waiting caller is told.
Error to_error(const DatabaseError& error);

// A running statement, as the driver sees it. Owned by the driver.
class Cursor {
public:
    virtual ~Cursor() = default;
    virtual bool step() = 0;
    virtual void close() noexcept = 0;
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t integer(int column) const = 0;
    virtual double real(int column) const = 0;
    virtual std::string_view text(int column) const = 0;
    virtual std::span<const std::byte> bytes(int column) const = 0;
};

// The rows of one query; columns count from 0. Text and bytes are valid until the next next(). Keeps its statement
// busy until it is destroyed: one Rows a statement at a time.
class Rows {
public:
    // `ready`: the driver has made the first step already, and found a row.
    Rows(Cursor& cursor, bool ready) : cursor_{&cursor}, ready_{ready}, done_{!ready} {}
    Rows(Rows&& other) noexcept
        : cursor_{std::exchange(other.cursor_, nullptr)},
          ready_{other.ready_},
          done_{other.done_} {}
    Rows& operator=(Rows&&) = delete;
    ~Rows() {
        if (cursor_) cursor_->close();
    }

    bool next() {
        if (ready_) {
            ready_ = false;
            return true;
        }
        if (!done_) done_ = !cursor_->step();
        return !done_;
    }

    bool is_null(int column) const { return cursor_->is_null(column); }
    std::int64_t integer(int column) const { return cursor_->integer(column); } // 0 when NULL
    double real(int column) const { return cursor_->real(column); }
    bool boolean(int column) const { return cursor_->integer(column) != 0; }
    std::string_view text(int column) const { return cursor_->text(column); } // empty when NULL
    std::string string(int column) const { return std::string{cursor_->text(column)}; }
    std::span<const std::byte> bytes(int column) const { return cursor_->bytes(column); }
    Timestamp time(int column) const { return {cursor_->integer(column)}; }
    std::optional<Timestamp> maybe_time(int column) const {
        return is_null(column) ? std::nullopt : std::optional<Timestamp>{time(column)};
    }
    std::optional<std::string> maybe_string(int column) const {
        return is_null(column) ? std::nullopt : std::optional<std::string>{string(column)};
    }
    // rows.id<JobId>(0); broken when the text is no id.
    template <class AnId>
    AnId id(int column) const {
        const auto id = AnId::parse(text(column));
        if (!id) throw DatabaseError{Fault::broken, "a stored id is malformed"};
        return *id;
    }

private:
    Cursor* cursor_;
    bool ready_, done_;
};

// Statements inside one transaction, on the thread that runs the task. Never kept beyond the task.
class SystemSession {
public:
    virtual ~SystemSession() = default;

    // A statement that gives rows (SELECT, or a write with RETURNING). The first step, and so every write, is done
    // when this returns.
    Rows query(const Sql& sql, std::initializer_list<Value> values = {}) {
        return start_query(sql.text, nullptr, {values.begin(), values.size()});
    }
    // A SELECT that may give very many rows, or whose reader stops before their end: they are fetched as they are read.
    Rows scan(const Sql& sql, std::initializer_list<Value> values = {}) {
        return start_scan(sql.text, nullptr, {values.begin(), values.size()});
    }
    // A statement that gives none. Returns how many rows it changed.
    std::int64_t execute(const Sql& sql, std::initializer_list<Value> values = {}) {
        return start_execute(sql.text, nullptr, {values.begin(), values.size()});
    }

    // Adds a row that the task need not see: an INSERT with one list of VALUES, and nothing RETURNING. A driver may
    // send it together with others of its kind, but before any other statement and before the commit. What is wrong
    // with the row is found then, and is an error of this task all the same.
    void insert(const Sql& sql, std::initializer_list<Value> values) {
        start_insert(sql.text, nullptr, {values.begin(), values.size()});
    }
    // One write for each of many rows of values, in their order, with few round trips. Returns how many rows each has
    // changed.
    template <std::size_t Width>
    std::vector<std::int64_t> execute_each(const Sql& sql, const std::vector<std::array<Value, Width>>& rows) {
        return start_execute_each(sql.text, flat(rows), Width);
    }
    // One SELECT for each, likewise. `visit(index, Rows&)` runs no statement.
    template <std::size_t Width>
    void query_each(const Sql& sql, const std::vector<std::array<Value, Width>>& rows,
                    const std::function<void(std::size_t, Rows&)>& visit) {
        start_query_each(sql.text, flat(rows), Width, visit);
    }

    // Whoever has subscribed to this type of change (events/feed.hpp) hears of it after the commit, in the order of all
    // that was published; nobody does when the task fails or its group is taken back. Also what is not stored may be
    // published. On a reader: nobody hears of it.
    template <class Change>
    void publish(Change change) {
        changes_.append(std::move(change));
    }
    // What the task has published so far.
    Changes& changes() { return changes_; }

    // Runs `body` (returns Result<T>) so that its writes and changes stay only if it succeeds: an error or an exception
    // takes them back, and what was written before stays.
    template <class Body>
    std::invoke_result_t<Body> savepoint(Body body) {
        begin_savepoint();
        const auto published = changes_.size();
        try {
            auto result = body();
            if (!result.has_value()) changes_.truncate(published);
            end_savepoint(result.has_value());
            return result;
        } catch (...) {
            changes_.truncate(published);
            abandon_savepoint();
            throw;
        }
    }

protected:
    friend class OrganizationSession;
    // `tenant`, where given, is bound as $1 before the values.
    virtual Rows start_query(const char* sql, const Value* tenant, std::span<const Value> values) = 0;
    virtual Rows start_scan(const char* sql, const Value* tenant, std::span<const Value> values) = 0;
    virtual std::int64_t start_execute(const char* sql, const Value* tenant, std::span<const Value> values) = 0;
    using Visit = std::function<void(std::size_t, Rows&)>;
    virtual void start_insert(const char* sql, const Value* tenant, std::span<const Value> values) {
        start_execute(sql, tenant, values);
    }
    // `values`: the rows of `width` values, one after the other. Here: a statement at a time.
    virtual std::vector<std::int64_t> start_execute_each(const char* sql, std::span<const Value> values,
                                                         std::size_t width);
    virtual void start_query_each(const char* sql, std::span<const Value> values, std::size_t width,
                                  const Visit& visit);
    virtual void begin_savepoint() = 0;
    virtual void end_savepoint(bool keep) = 0;
    virtual void abandon_savepoint() noexcept = 0; // after an exception; the transaction may be gone

private:
    template <std::size_t Width>
    static std::span<const Value> flat(const std::vector<std::array<Value, Width>>& rows) {
        return rows.empty() ? std::span<const Value>{} : std::span{rows.front().data(), rows.size() * Width};
    }

    Changes changes_;
};

// The layer through which the rows of one organisation are reached: binds the organisation as $1, the caller's values
// from $2, and refuses (misuse) a statement that does not name organization_id and $1.
class OrganizationSession {
public:
    OrganizationSession(SystemSession& session, const OrganizationId& organization)
        : session_{session},
          id_{organization},
          organization_{organization} {}

    const OrganizationId& organization() const { return id_; }
    // For what reaches beyond the organisation's own rows: whoever asks is in the list of tests/structure.
    SystemSession& system() { return session_; }
    template <class Change>
    void publish(Change change) {
        session_.publish(std::move(change));
    }

    Rows query(const Sql& sql, std::initializer_list<Value> values = {}) {
        return session_.start_query(sql.text, &organization_, {values.begin(), values.size()});
    }
    Rows scan(const Sql& sql, std::initializer_list<Value> values = {}) {
        return session_.start_scan(sql.text, &organization_, {values.begin(), values.size()});
    }
    std::int64_t execute(const Sql& sql, std::initializer_list<Value> values = {}) {
        return session_.start_execute(sql.text, &organization_, {values.begin(), values.size()});
    }
    void insert(const Sql& sql, std::initializer_list<Value> values) {
        session_.start_insert(sql.text, &organization_, {values.begin(), values.size()});
    }
    template <class Body>
    std::invoke_result_t<Body> savepoint(Body body) {
        return session_.savepoint(std::move(body));
    }

private:
    SystemSession& session_;
    OrganizationId id_;
    Value organization_;
};

} // namespace millrace::store
