#include "store/move/sqlite_side.hpp"

#include <fmt/format.h>

namespace millrace::store {
namespace {

constexpr int log_pages_before_checkpoint = 8192;

class SqliteReading final : public Reading {
public:
    explicit SqliteReading(Statement& statement) : statement_{statement} {}
    ~SqliteReading() override { statement_.close(); }
    bool next() override { return statement_.step(); }
    const Cursor& row() const override { return statement_; }

private:
    Statement& statement_;
};

TableColumn::Type type_of(std::string_view name) {
    if (name == "INTEGER") return TableColumn::Type::integer;
    if (name == "REAL") return TableColumn::Type::real;
    if (name == "BLOB") return TableColumn::Type::bytes;
    return TableColumn::Type::text;
}

Value value_of(const RowBatch::Cell& cell) {
    switch (cell.kind) {
    case RowBatch::Cell::Kind::null: return nullptr;
    case RowBatch::Cell::Kind::integer: return cell.integer;
    case RowBatch::Cell::Kind::real: return cell.real;
    case RowBatch::Cell::Kind::text: return cell.text;
    case RowBatch::Cell::Kind::bytes: break;
    }
    return std::as_bytes(std::span{cell.text.data(), cell.text.size()});
}

} // namespace

SqliteSide::SqliteSide(const std::filesystem::path& file, Connection::Access access)
    : file_{file},
      connection_{file, access},
      session_{connection_} {
    // Rows come table by table; tighten() looks at them all.
    if (access == Connection::Access::write) connection_.script("PRAGMA foreign_keys = OFF");
}

bool SqliteSide::has_schema() {
    return connection_.integer("SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'") > 0;
}

std::vector<TableShape> SqliteSide::tables() {
    auto rows = session_.query("SELECT t.name, c.name, c.type, c.pk FROM sqlite_master t, pragma_table_info(t.name) c "
                               "WHERE t.type = 'table' ORDER BY t.name, c.name");
    return read_shapes(rows, type_of);
}

std::uint64_t SqliteSide::bytes() {
    std::uint64_t all = 0;
    for (const char* suffix : {"", "-wal"}) {
        std::error_code failure;
        const auto size = std::filesystem::file_size(file_.string() + suffix, failure);
        all += failure ? 0 : size;
    }
    return all;
}

std::map<std::string, std::int64_t> SqliteSide::counters() {
    std::map<std::string, std::int64_t> all;
    auto rows = session_.query("SELECT name, seq FROM sqlite_sequence");
    while (rows.next()) all[rows.string(0)] = rows.integer(1);
    return all;
}

std::int64_t SqliteSide::count(const TableShape& shape) {
    return connection_.integer(texts_.keep("SELECT count(*) FROM " + sql_name(shape.name)));
}

Statement& SqliteSide::bound(const char* sql, const KeyRange& range) {
    std::vector<Value> values;
    if (range.after) range.after->bind(values);
    if (range.upto) range.upto->bind(values);
    auto& statement = connection_.statement(sql);
    statement.bind(nullptr, values, Statement::Lifetime::copied);
    return statement;
}

std::unique_ptr<Reading> SqliteSide::read(const TableShape& shape, const KeyRange& range) {
    const auto* sql = texts_.keep(
        fmt::format("SELECT {} FROM {}{} ORDER BY {}", column_list(shape), sql_name(shape.name),
                    range_condition(shape, range.after.has_value(), range.upto.has_value()), key_list(shape)));
    return std::make_unique<SqliteReading>(bound(sql, range));
}

// Only the writer of a file writes its log back.
void SqliteSide::commit() {
    connection_.script("COMMIT");
    if (connection_.log_pages() > log_pages_before_checkpoint)
        connection_.checkpoint(Connection::Checkpoint::truncate, std::chrono::milliseconds{0});
}

void SqliteSide::roll_back() noexcept {
    try {
        if (connection_.in_transaction()) connection_.script("ROLLBACK");
    } catch (const DatabaseError&) { // it ends with the connection
    }
}

void SqliteSide::remove(const TableShape& shape, const KeyRange& range) {
    bound(texts_.keep("DELETE FROM " + sql_name(shape.name) +
                      range_condition(shape, range.after.has_value(), range.upto.has_value())),
          range)
        .run();
}

void SqliteSide::insert(const TableShape& shape, const RowBatch& rows) {
    const auto columns = shape.columns.size();
    auto& statement =
        connection_.statement(texts_.keep(fmt::format("INSERT INTO {} ({}) VALUES ({})", sql_name(shape.name),
                                                      column_list(shape), parameter_list(1, columns))));
    std::vector<Value> values;
    values.reserve(columns);
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        values.clear();
        for (std::size_t column = 0; column < columns; ++column) values.push_back(value_of(rows.cell(row, column)));
        statement.bind(nullptr, values, Statement::Lifetime::outlives);
        statement.run();
    }
}

void SqliteSide::set_counter(const std::string& table, std::int64_t last) {
    if (session_.execute("UPDATE sqlite_sequence SET seq = $2 WHERE name = $1", {table, last}) == 0)
        session_.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", {table, last});
}

void SqliteSide::tighten() {
    auto rows = session_.query("SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1");
    if (rows.next())
        throw DatabaseError{Fault::constraint,
                            fmt::format("a row of {} names one that is not in {}", rows.text(0), rows.text(1))};
}

void SqliteSide::freeze(const std::vector<TableShape>& tables) {
    for (const auto& shape : tables)
        for (const char* doing : {"INSERT", "UPDATE", "DELETE"})
            connection_.script(fmt::format("CREATE TRIGGER {} BEFORE {} ON {} BEGIN SELECT RAISE(ABORT, 'the rows were "
                                           "moved to another store'); END",
                                           sql_name(fmt::format("moved_{}_{}", doing, shape.name)), doing,
                                           sql_name(shape.name)));
}

} // namespace millrace::store
