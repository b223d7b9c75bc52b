#include "store/postgres/server_check.hpp"

#include <fmt/format.h>

#include <vector>

namespace millrace::store {
namespace {

constexpr int least_version = 130000;

// Databases that speak PostgreSQL's protocol, and give other promises about locks and isolation.
std::string_view other_product(std::string_view version) {
    for (const std::string_view name : {"CockroachDB", "Yugabyte", "-YB-", "Materialize", "Redshift"})
        if (version.find(name) != std::string_view::npos) return name == "-YB-" ? "Yugabyte" : name;
    return {};
}

} // namespace

std::vector<std::string> server_faults(PgConnection& connection) {
    std::vector<std::string> wrong;
    const auto version = connection.text("SELECT version()").value_or("");
    if (const auto name = other_product(version); !name.empty())
        return {fmt::format("the server is {}; Millrace works on PostgreSQL alone", name)};
    if (connection.server_version() < least_version)
        wrong.push_back(fmt::format("it is {}, and PostgreSQL 13 or later is needed", version));
    if (connection.text("SELECT pg_backend_pid()") != std::to_string(connection.backend()))
        wrong.push_back("a pooler such as PgBouncer stands before it; name the server itself");
    if (connection.text("SHOW server_encoding") != "UTF8")
        wrong.push_back("the database is not in UTF-8; create one with ENCODING 'UTF8'");
    if (connection.text("SHOW transaction_read_only") != "off")
        wrong.push_back("it takes no writes; name the primary, not a standby");
    if (connection.text("SELECT 1 FROM pg_extension WHERE extname = 'citus'"))
        wrong.push_back("the extension Citus is there; use a database without it");
    return wrong;
}

Result<void> check_server(PgConnection& connection) {
    const auto wrong = server_faults(connection);
    if (wrong.empty()) return success();
    return Error{Code::unavailable,
                 fmt::format("Millrace cannot work on the database that store.url names: {}", fmt::join(wrong, "; "))};
}

} // namespace millrace::store
