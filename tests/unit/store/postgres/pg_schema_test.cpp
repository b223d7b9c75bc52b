// The two schemas are one: what the migrations of either driver make is compared column by column.
#include "unit/store/fixture.hpp"

#include "store/postgres/pg_schema.hpp"
#include "store/sqlite/migrator.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <set>

using namespace millrace;
using namespace millrace::store;

namespace {

// What the drivers keep for themselves.
const std::set<std::string> own_tables{"schema_migrations", "sqlite_sequence", "nodes"};

using Lines = std::set<std::string>; // a column, a key or an index each

void add(Lines& lines, const std::string& table, const std::string& what) {
    if (!own_tables.contains(table)) lines.insert(table + ": " + what);
}

Lines of_sqlite() {
    test::Folder folder;
    Connection connection{folder.path / "test.db", Connection::Access::write};
    const auto migrations = load_migrations(embedded::migrations()).value();
    migrate(connection, migrations, migrations.back().version, {1}).value();
    Lines lines;
    const auto each = [&connection](const char* sql, const auto& visit) {
        auto& statement = connection.statement(sql);
        while (statement.step()) {
            std::vector<std::string> row;
            for (int i = 0; i < 6; ++i) row.emplace_back(statement.text(i));
            visit(row);
        }
        statement.close();
    };
    each("SELECT t.name, c.name, c.type, c.\"notnull\" OR c.pk > 0, coalesce(c.dflt_value, ''), '' FROM sqlite_master "
         "t, "
         "pragma_table_info(t.name) c WHERE t.type = 'table'",
         [&](const auto& row) {
             add(lines, row[0],
                 "column " + row[1] + " " + (row[2] == "INTEGER" ? "bigint" : "text") +
                     (row[3] == "1" ? " not null" : "") + " " + row[4]);
         });
    // Whatever is unique, keys too: by the columns, for the names are each database's own.
    each("SELECT t.name, (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY "
         "seqno)), '', '', '', '' FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND "
         "i.\"unique\"",
         [&](const auto& row) { add(lines, row[0], "unique " + row[1]); });
    each(
        "SELECT t.name, i.name, (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER "
        "BY seqno)), i.partial, '', '' FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND "
        "NOT "
        "i.\"unique\"",
        [&](const auto& row) {
            add(lines, row[0], "index " + row[1] + " " + row[2] + (row[3] == "1" ? " partial" : ""));
        });
    each("SELECT t.name, f.\"from\", f.\"table\", f.\"to\", f.on_delete, '' FROM sqlite_master t, "
         "pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
         [&](const auto& row) {
             add(lines, row[0], "reference " + row[1] + " " + row[2] + "." + row[3] + " " + row[4]);
         });
    // A key of one integer has no index of its own there.
    add(lines, "events", "unique id");
    return lines;
}

Lines of_postgres() {
    test::Folder folder;
    PgConnection connection{test::PostgresDatabases::all().url(folder.path), "tests", std::chrono::seconds{30}};
    connection.connect();
    Lines lines;
    const auto each = [&connection](const char* sql, const auto& visit) {
        const auto result = connection.script(sql);
        for (int i = 0; i < PQntuples(result.get()); ++i) {
            std::vector<std::string> row;
            for (int j = 0; j < PQnfields(result.get()); ++j) row.emplace_back(PQgetvalue(result.get(), i, j));
            visit(row);
        }
    };
    each("SELECT table_name, column_name, data_type, is_nullable, "
         "coalesce(replace(column_default, '::text', ''), ''), coalesce(collation_name, '') FROM "
         "information_schema.columns WHERE table_schema = 'public'",
         [&](const auto& row) {
             add(lines, row[0], "column " + row[1] + " " + row[2] + (row[3] == "NO" ? " not null" : "") + " " + row[4]);
             if (row[2] == "text" && row[0] != "schema_migrations")
                 CHECK_MESSAGE(row[5] == "C", (row[0] + "." + row[1]));
         });
    each(
        "SELECT t.relname, c.relname, i.indisunique, i.indpred IS NOT NULL, (SELECT string_agg(a.attname, ',' ORDER BY "
        "k.place) FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute a ON a.attrelid = t.oid "
        "AND a.attnum = k.number) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class c ON c.oid = "
        "i.indexrelid JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = 'public'",
        [&](const auto& row) {
            add(lines, row[0],
                row[2] == "t" ? "unique " + row[4]
                              : "index " + row[1] + " " + row[4] + (row[3] == "t" ? " partial" : ""));
        });
    each("SELECT t.relname, a.attname, r.relname, b.attname, CASE c.confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'NO "
         "ACTION' "
         "END FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid CROSS "
         "JOIN LATERAL unnest(c.conkey, c.confkey) AS k(own, other) JOIN pg_attribute a ON a.attrelid = t.oid AND "
         "a.attnum = k.own JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = k.other WHERE c.contype = 'f'",
         [&](const auto& row) {
             add(lines, row[0], "reference " + row[1] + " " + row[2] + "." + row[3] + " " + row[4]);
         });
    return lines;
}

std::string missing(const Lines& wanted, const Lines& there) {
    std::string text;
    for (const auto& line : wanted)
        if (!there.contains(line)) text += line + "\n";
    return text;
}

} // namespace

TEST_SUITE_BEGIN("postgres" * doctest::skip(test::postgres_server() == nullptr));

TEST_CASE("either database has the same tables, columns, keys and indexes") {
    const auto sqlite = of_sqlite(), postgres = of_postgres();
    CHECK(sqlite.size() > 200);
    CHECK(missing(sqlite, postgres) == "");
    CHECK(missing(postgres, sqlite) == "");
}

TEST_CASE("either database is brought to the same version, and down and up again") {
    CHECK(load_migrations(embedded::postgres_migrations(), first_postgres_migration).value().back().version ==
          load_migrations(embedded::migrations()).value().back().version);
    const test::Folder folder;
    const PostgresOptions options{
        .url = test::PostgresDatabases::all().empty_url(), .data = folder.path, .on_failure = {}};
    const auto newest = migrate_postgres(options).value();
    CHECK(migrate_postgres(options, 0).value() == 0);
    CHECK(migrate_postgres(options).value() == newest);
}

TEST_SUITE_END();
