// Rows that a session has inserted and the server has not been sent yet. Those of one statement go as one statement of
// many rows. The rows of one task keep the order of its statements; those of different tasks wait for nothing of each
// other, for whoever looks at a row sends them first. For the thread of the connection.
#pragma once
#include "store/postgres/pg_connection.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace millrace::store {

class PgInserts {
public:
    explicit PgInserts(PgConnection& connection) : connection_{connection} {}

    void begin_task() { from_ = 0; }
    // Copies the values. Sends all when they have become many.
    void add(const char* sql, const Value* tenant, std::span<const Value> values);
    // Throws what is wrong with one of the rows; then none is left, and the transaction has failed.
    void send();
    void forget();

private:
    // The rows of one statement. What stands in `kept` ends with a NUL each.
    struct Statement {
        const char* sql;
        std::size_t width;
        std::string kept;
        std::vector<std::size_t> begins;
        std::vector<int> sizes, formats; // size -1: NULL
        std::size_t rows() const { return sizes.size() / width; }
    };

    PgConnection& connection_;
    std::vector<Statement> statements_;
    std::size_t from_ = 0; // what the task has inserted so far stands before, or there
    std::size_t bytes_ = 0, rows_ = 0;
};

// `sql`, an INSERT with one list of VALUES, for so many rows: the values of the second come after those of the first.
// Throws misuse for any other statement.
std::string for_rows(std::string_view sql, std::size_t width, std::size_t rows);

} // namespace millrace::store
