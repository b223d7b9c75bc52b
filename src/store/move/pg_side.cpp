#include "store/move/pg_side.hpp"

#include "store/move/pg_rows.hpp"

#include <fmt/format.h>

namespace millrace::store {
namespace {

constexpr std::chrono::minutes answer_limit{30}; // of the longest statement: rules between large tables are checked
constexpr const char* settings = "SET synchronous_commit = on; SET lock_timeout = '10s'; SET statement_timeout = 0; "
                                 "SET idle_in_transaction_session_timeout = 0";

// Ends the transaction that it began: a reader holds back what the server may clean up.
class PgReading final : public Reading {
public:
    PgReading(PgConnection& connection, PgScan& scan, bool ends) : connection_{connection}, scan_{scan}, ends_{ends} {}
    ~PgReading() override {
        scan_.close();
        try {
            if (ends_ && connection_.is_open()) connection_.script("ROLLBACK");
        } catch (const DatabaseError&) { // lost: the next statement says so
        }
    }
    bool next() override { return scan_.step(); }
    const Cursor& row() const override { return scan_; }

private:
    PgConnection& connection_;
    PgScan& scan_;
    bool ends_;
};

TableColumn::Type type_of(std::string_view name) {
    if (name == "bigint" || name == "integer") return TableColumn::Type::integer;
    if (name == "double precision") return TableColumn::Type::real;
    if (name == "bytea") return TableColumn::Type::bytes;
    return TableColumn::Type::text;
}

std::vector<Value> bounds(const KeyRange& range) {
    std::vector<Value> values;
    if (range.after) range.after->bind(values);
    if (range.upto) range.upto->bind(values);
    return values;
}

} // namespace

PgSide::PgSide(const std::string& url) : connection_{url, "millrace db", answer_limit}, session_{connection_} {
    connection_.connect();
    connection_.script(settings);
}

bool PgSide::has_schema() { return connection_.text("SELECT to_regclass('schema_migrations')").has_value(); }

std::vector<TableShape> PgSide::tables() {
    auto rows = session_.query(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(k.place, 0) FROM pg_class c JOIN "
        "pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN LATERAL (SELECT "
        "u.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS u(number, place) WHERE i.indrelid = c.oid AND "
        "i.indisprimary AND u.number = a.attnum) k ON true WHERE c.relnamespace = current_schema()::regnamespace AND "
        "c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname COLLATE \"C\", a.attname COLLATE \"C\"");
    return read_shapes(rows, type_of);
}

std::uint64_t PgSide::bytes() {
    return std::stoull(connection_.text("SELECT pg_database_size(current_database())").value_or("0"));
}

std::map<std::string, std::int64_t> PgSide::counters() {
    std::map<std::string, std::int64_t> all;
    std::vector<std::pair<std::string, std::string>> sequences;
    {
        auto rows = session_.query("SELECT c.relname, pg_get_serial_sequence(quote_ident(c.relname), a.attname) FROM "
                                   "pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = "
                                   "current_schema()::regnamespace AND a.attidentity <> ''");
        while (rows.next()) sequences.emplace_back(rows.string(0), rows.string(1));
    }
    for (const auto& [table, sequence] : sequences)
        if (!stays_behind(table))
            all[table] = std::stoll(
                connection_.text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM " + sequence).value());
    return all;
}

std::int64_t PgSide::count(const TableShape& shape) {
    return std::stoll(connection_.text("SELECT count(*) FROM " + sql_name(shape.name)).value());
}

std::unique_ptr<Reading> PgSide::read(const TableShape& shape, const KeyRange& range) {
    const auto* sql = texts_.keep(
        fmt::format("SELECT {} FROM {}{} ORDER BY {}", column_list(shape), sql_name(shape.name),
                    range_condition(shape, range.after.has_value(), range.upto.has_value()), key_list(shape)));
    const bool begins = !connection_.in_transaction();
    if (begins) connection_.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    auto& scan = connection_.scan(sql);
    auto reading = std::make_unique<PgReading>(connection_, scan, begins);
    const auto values = bounds(range);
    scan.start(PgParameters{nullptr, values});
    return reading;
}

void PgSide::roll_back() noexcept {
    try {
        if (connection_.is_open() && connection_.in_transaction()) connection_.script("ROLLBACK");
    } catch (const DatabaseError&) { // it ends with the connection
    }
}

void PgSide::remove(const TableShape& shape, const KeyRange& range) {
    const auto values = bounds(range);
    connection_.run("DELETE FROM " + sql_name(shape.name) +
                        range_condition(shape, range.after.has_value(), range.upto.has_value()),
                    PgParameters{nullptr, values});
}

void PgSide::insert(const TableShape& shape, const RowBatch& rows) {
    if (rows.rows() == 0) return;
    connection_.copy_in(fmt::format("COPY {} ({}) FROM STDIN", sql_name(shape.name), column_list(shape)),
                        copy_lines(rows, shape.columns.size()));
}

void PgSide::set_counter(const std::string& table, std::int64_t last) {
    session_.query(
        "SELECT setval(pg_get_serial_sequence(quote_ident(CAST($1 AS text)), a.attname), greatest(CAST($2 AS bigint), "
        "1), "
        "CAST($2 AS bigint) > 0) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = "
        "current_schema()::regnamespace AND c.relname = $1 AND a.attidentity <> ''",
        {table, last});
}

// Rows come table by table, and in ranges, so a rule between two tables would refuse what is only on its way; and a
// range that is copied again would take others with it (ON DELETE CASCADE).
void PgSide::loosen() {
    connection_.script(
        "CREATE TABLE move_rules (table_name TEXT NOT NULL, name TEXT NOT NULL, rule TEXT NOT NULL); "
        "INSERT INTO move_rules SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM "
        "pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace; "
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM move_rules LOOP EXECUTE format('ALTER TABLE %s DROP "
        "CONSTRAINT %s', r.table_name, r.name); END LOOP; END $$");
}

void PgSide::tighten() {
    connection_.script(
        "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM move_rules LOOP EXECUTE format('ALTER TABLE "
        "%s ADD CONSTRAINT %s %s', r.table_name, r.name, r.rule); END LOOP; END $$; "
        "DROP TABLE move_rules");
}

void PgSide::freeze(const std::vector<TableShape>& tables) {
    connection_.script("CREATE FUNCTION moved_away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the "
                       "rows were moved to another store'; END $$");
    for (const auto& shape : tables)
        connection_.script(fmt::format("CREATE TRIGGER moved_away BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {} "
                                       "FOR EACH STATEMENT EXECUTE FUNCTION moved_away()",
                                       sql_name(shape.name)));
}

} // namespace millrace::store
