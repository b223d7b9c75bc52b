// Two databases with the schema, of which one is copied to the other.
#pragma once
#include "store/migrations.hpp"
#include "store/move/move_state.hpp"
#include "store/move/sqlite_side.hpp"
#include "store/move/table_copy.hpp"
#include "store/sqlite/migrator.hpp"
#include "unit/store/fixture.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::store::test {

struct TwoStores {
    Folder folder;
    SqliteSide source{folder.path / "source.db", Connection::Access::write};
    SqliteSide target{folder.path / "target.db", Connection::Access::write};
    std::vector<TableShape> shapes;
    TableCopy::Watch watch = [](std::int64_t) {};

    TwoStores() {
        const auto migrations = load_migrations(embedded::migrations()).value();
        for (auto* side : {&source, &target})
            migrate(side->connection(), migrations, migrations.back().version, {1}).value();
        begin_filling(target, "a test");
        shapes = source.tables();
    }

    const TableShape& shape(std::string_view name) const {
        return *std::find_if(shapes.begin(), shapes.end(), [&](const auto& each) { return each.name == name; });
    }
    TableCopy copy(std::string_view name, std::int64_t chunk_rows) {
        return {source, target, shape(name), chunk_rows, watch};
    }
    void add_organizations(int from, int to) {
        for (int i = from; i < to; ++i)
            source.script(fmt::format("INSERT INTO organizations VALUES ('o{0:03}', 'name {0}', {0}, 1)", i));
    }
};

} // namespace millrace::store::test
