// Rows of organisations, inserted by session.insert().
#pragma once
#include "unit/store/groups.hpp"

namespace millrace::store::test {

inline constexpr Sql insert_organization{
    "INSERT INTO organizations (id, name, weight, created_at) VALUES ($1, $2, 1, $3)"};

inline auto inserting(std::string name) {
    return [name = std::move(name)](SystemSession& session) -> Result<void> {
        session.insert(insert_organization, {name, name, 1});
        return success();
    };
}

inline std::string names(SystemSession& session) {
    std::string all;
    auto rows = session.query("SELECT name FROM organizations WHERE name <> 'default' ORDER BY name");
    while (rows.next()) all += rows.string(0) + " ";
    return all;
}

inline std::string names(Database& database) {
    return database.read_blocking([](SystemSession& session) -> Result<std::string> { return names(session); }).value();
}

} // namespace millrace::store::test
