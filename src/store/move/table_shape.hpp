// A table as the move sees it: what the database's own catalog says. So a new table needs no code here.
#pragma once
#include "store/sql.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::store {

struct TableColumn {
    enum class Type { integer, real, text, bytes };
    std::string name;
    Type type = Type::text;
    bool operator==(const TableColumn&) const = default;
};

struct TableShape {
    std::string name;
    std::vector<TableColumn> columns; // by their names: alike in both databases, whatever the order there
    std::vector<std::size_t> key;     // the primary key: places in `columns`, in the key's order
    bool operator==(const TableShape&) const = default;
};

// What belongs to a database itself, and does not move: its schema's version, the daemons on it, a move's notes.
bool stays_behind(std::string_view table);

std::string sql_name(std::string_view name);      // "name"
std::string column_list(const TableShape& shape); // "a","b","c"
std::string key_list(const TableShape& shape);    // "c","a"
// `$N,$N+1 …`, as many as there are.
std::string parameter_list(std::size_t first, std::size_t count);
// WHERE over a range of the primary key, whose bounds are bound in this order; empty: all rows.
std::string range_condition(const TableShape& shape, bool after, bool upto);

// Of rows with a table, one of its columns, that one's type and its place in the primary key (from 1; 0: none), in the
// order of tables and columns. `type_of` knows the names of the database's types.
std::vector<TableShape> read_shapes(Rows& rows, TableColumn::Type (*type_of)(std::string_view name));

// How the tables of two databases differ, one sentence a table.
std::vector<std::string> shape_differences(const std::vector<TableShape>& source,
                                           const std::vector<TableShape>& target);

} // namespace millrace::store
