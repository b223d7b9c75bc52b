#include "store/move/table_shape.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::store {

bool stays_behind(std::string_view table) {
    return table == "schema_migrations" || table == "nodes" || table.starts_with("sqlite_") ||
           table.starts_with("move_");
}

std::string sql_name(std::string_view name) { return fmt::format("\"{}\"", name); }

std::string column_list(const TableShape& shape) {
    std::string list;
    for (const auto& column : shape.columns) list += (list.empty() ? "" : ",") + sql_name(column.name);
    return list;
}

std::string key_list(const TableShape& shape) {
    std::string list;
    for (const auto at : shape.key) list += (list.empty() ? "" : ",") + sql_name(shape.columns[at].name);
    return list;
}

std::string parameter_list(std::size_t first, std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) list += fmt::format("{}${}", i == 0 ? "" : ",", first + i);
    return list;
}

std::string range_condition(const TableShape& shape, bool after, bool upto) {
    const auto key = key_list(shape);
    const auto size = shape.key.size();
    std::string text;
    if (after) text += fmt::format(" WHERE ({}) > ({})", key, parameter_list(1, size));
    if (upto)
        text +=
            fmt::format(" {} ({}) <= ({})", after ? "AND" : "WHERE", key, parameter_list(after ? size + 1 : 1, size));
    return text;
}

std::vector<TableShape> read_shapes(Rows& rows, TableColumn::Type (*type_of)(std::string_view name)) {
    std::vector<TableShape> all;
    while (rows.next()) {
        if (stays_behind(rows.text(0))) continue;
        if (all.empty() || all.back().name != rows.text(0)) all.push_back({rows.string(0), {}, {}});
        auto& shape = all.back();
        if (const auto place = static_cast<std::size_t>(rows.integer(3)); place > 0) {
            shape.key.resize(std::max(shape.key.size(), place));
            shape.key[place - 1] = shape.columns.size();
        }
        shape.columns.push_back({rows.string(1), type_of(rows.text(2))});
    }
    return all;
}

std::vector<std::string> shape_differences(const std::vector<TableShape>& source,
                                           const std::vector<TableShape>& target) {
    std::vector<std::string> found;
    const auto named = [](const std::vector<TableShape>& all, const std::string& name) {
        return std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
    };
    for (const auto& shape : source) {
        const auto other = named(target, shape.name);
        if (other == target.end()) found.push_back(fmt::format("the table {} is not in the target", shape.name));
        else if (*other != shape) found.push_back(fmt::format("the table {} has other columns there", shape.name));
        if (shape.key.empty()) found.push_back(fmt::format("the table {} has no primary key", shape.name));
    }
    for (const auto& shape : target)
        if (named(source, shape.name) == source.end())
            found.push_back(fmt::format("the table {} is in the target alone", shape.name));
    return found;
}

} // namespace millrace::store
