// One of the two databases of a move. Used by one thread; failures leave as DatabaseError. A source is only read until
// it is frozen; a target is written in transactions that the move begins and ends.
#pragma once
#include "store/move/row_batch.hpp"
#include "store/move/row_key.hpp"
#include "store/move/table_shape.hpp"
#include "store/sql.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::store {

// Texts of statements that are made here: a connection knows a statement by its text's address.
class SqlTexts {
public:
    const char* keep(std::string text) { return texts_.insert(std::move(text)).first->c_str(); }

private:
    std::set<std::string> texts_;
};

// Bounds of keys: a row belongs to the range when its key is greater than `after` and no greater than `upto`. Without
// one the range is open there.
struct KeyRange {
    std::optional<RowKey> after, upto;
    bool operator==(const KeyRange&) const = default;
};

// Rows that are read one after another; of one state of the database.
class Reading {
public:
    virtual ~Reading() = default;
    virtual bool next() = 0;
    virtual const Cursor& row() const = 0;
};

class Side {
public:
    virtual ~Side() = default;

    // What is in it
    virtual bool has_schema() = 0;                              // the table schema_migrations is there
    virtual std::vector<TableShape> tables() = 0;               // but for those that stay behind
    virtual std::uint64_t bytes() = 0;                          // on disk
    virtual std::map<std::string, std::int64_t> counters() = 0; // the last number that each counting table has given

    virtual std::int64_t count(const TableShape& shape) = 0; // rows
    // The rows of the range in the order of their keys, with the columns in the shape's order. One at a time.
    virtual std::unique_ptr<Reading> read(const TableShape& shape, const KeyRange& range) = 0;

    // Statements whose texts are literals.
    virtual SystemSession& session() = 0;
    virtual void script(const std::string& statements) = 0;

    virtual void begin() = 0;
    virtual void commit() = 0;
    virtual void roll_back() noexcept = 0; // where a transaction is open
    virtual void remove(const TableShape& shape, const KeyRange& range) = 0;
    virtual void insert(const TableShape& shape, const RowBatch& rows) = 0;
    virtual void set_counter(const std::string& table, std::int64_t last) = 0;

    // A target's rules between tables do not hold while it is filled: loosen() before the first row, tighten() within
    // the transaction that completes it; it fails when a row breaks one.
    virtual void loosen() = 0;
    virtual void tighten() = 0;
    // Within a transaction: no row of these tables is written from now on, by whomever.
    virtual void freeze(const std::vector<TableShape>& tables) = 0;
};

} // namespace millrace::store
