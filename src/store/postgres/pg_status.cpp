#include "store/move/move_state.hpp"
#include "store/move/pg_side.hpp"
#include "store/move_marks.hpp"
#include "store/postgres/server_check.hpp"
#include "store/store_status.hpp"

namespace millrace::store {
namespace {

// Dead rows are what updates and deletions left behind, until the server's vacuum has been there.
json::array tables(SystemSession& session) {
    json::array all;
    auto rows = session.query(
        "SELECT relname, pg_total_relation_size(relid), n_live_tup, n_dead_tup, CAST(extract(epoch FROM now() - "
        "greatest(last_vacuum, last_autovacuum)) AS bigint), CAST(extract(epoch FROM now() - greatest(last_analyze, "
        "last_autoanalyze)) AS bigint) FROM pg_stat_user_tables WHERE schemaname = current_schema() ORDER BY 2 DESC, 1 "
        "LIMIT 12");
    const auto maybe = [&rows](int column) {
        return rows.is_null(column) ? json::value() : json::value(rows.integer(column));
    };
    while (rows.next())
        all.push_back(json::object{{"name", rows.text(0)},
                                   {"bytes", rows.integer(1)},
                                   {"rows", rows.integer(2)},
                                   {"dead_rows", rows.integer(3)},
                                   {"vacuumed_seconds_ago", maybe(4)},
                                   {"analyzed_seconds_ago", maybe(5)}});
    return all;
}

// The longest holds back what a vacuum may clean up, whatever database of the server it is in.
json::value oldest_transaction(SystemSession& session) {
    auto rows = session.query(
        "SELECT pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(state, ''), extract(epoch FROM "
        "now() - xact_start), left(coalesce(query, ''), 200) FROM pg_stat_activity WHERE xact_start IS NOT NULL AND "
        "pid "
        "<> pg_backend_pid() AND backend_type = 'client backend' ORDER BY xact_start LIMIT 1");
    if (!rows.next()) return nullptr;
    return json::object{{"process", rows.integer(0)}, {"role", rows.text(1)},    {"application", rows.text(2)},
                        {"state", rows.text(3)},      {"seconds", rows.real(4)}, {"statement", rows.text(5)}};
}

// By all their time. Only where the extension is there and this role may read it.
json::value slow_statements(PgSide& side) {
    if (!side.connection().text("SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'")) return nullptr;
    try {
        json::array all;
        auto rows = side.session().query(
            "SELECT left(query, 200), calls, mean_exec_time, total_exec_time FROM pg_stat_statements WHERE dbid = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY total_exec_time DESC LIMIT 8");
        while (rows.next())
            all.push_back(json::object{{"statement", rows.text(0)},
                                       {"calls", rows.integer(1)},
                                       {"mean_ms", rows.real(2)},
                                       {"total_ms", rows.real(3)}});
        return all;
    } catch (const DatabaseError& error) {
        if (error.fault() == Fault::lost) throw;
        return nullptr; // it is not loaded, or not for this role
    }
}

json::array running(SystemSession& session) {
    json::array all;
    auto rows =
        session.query("SELECT pid, coalesce(application_name, ''), extract(epoch FROM now() - query_start), "
                      "left(coalesce(query, ''), "
                      "200) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database() AND pid <> "
                      "pg_backend_pid() ORDER BY query_start LIMIT 8");
    while (rows.next())
        all.push_back(json::object{{"process", rows.integer(0)},
                                   {"application", rows.text(1)},
                                   {"seconds", rows.real(2)},
                                   {"statement", rows.text(3)}});
    return all;
}

json::array replication(SystemSession& session) {
    json::array all;
    auto rows = session.query("SELECT coalesce(application_name, ''), coalesce(state, ''), coalesce(sync_state, ''), "
                              "pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication ORDER BY 1");
    while (rows.next())
        all.push_back(json::object{{"standby", rows.text(0)},
                                   {"state", rows.text(1)},
                                   {"sync", rows.text(2)},
                                   {"behind_bytes", rows.is_null(3) ? json::value() : json::value(rows.integer(3))}});
    return all;
}

json::array slots(SystemSession& session) {
    json::array all;
    auto rows = session.query("SELECT slot_name, active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM "
                              "pg_replication_slots ORDER BY 1");
    while (rows.next())
        all.push_back(json::object{{"slot", rows.text(0)},
                                   {"active", rows.boolean(1)},
                                   {"kept_bytes", rows.is_null(2) ? json::value() : json::value(rows.integer(2))}});
    return all;
}

json::object connections(SystemSession& session) {
    auto rows = session.query("SELECT count(*), CAST(current_setting('max_connections') AS bigint) FROM "
                              "pg_stat_activity WHERE backend_type = 'client backend'");
    rows.next();
    return {{"used", rows.integer(0)}, {"most", rows.integer(1)}};
}

json::object health(SystemSession& session) {
    auto rows = session.query("SELECT deadlocks, temp_bytes, coalesce(checksum_failures, 0), xact_rollback FROM "
                              "pg_stat_database WHERE datname = current_database()");
    rows.next();
    return {{"deadlocks", rows.integer(0)},
            {"temporary_bytes", rows.integer(1)},
            {"checksum_failures", rows.integer(2)},
            {"rolled_back", rows.integer(3)}};
}

} // namespace

Result<json::object> postgres_status(const std::string& url) {
    try {
        PgSide side{url};
        auto& session = side.session();
        json::array faults;
        for (const auto& fault : server_faults(side.connection())) faults.emplace_back(fault);
        json::object status{{"driver", "postgres"},
                            {"server", side.connection().text("SHOW server_version").value_or("")},
                            {"faults", std::move(faults)},
                            {"bytes", side.bytes()},
                            {"schema_version", schema_of(side)},
                            {"tables", tables(session)},
                            {"connections", connections(session)},
                            {"oldest_transaction", oldest_transaction(session)},
                            {"slow_statements", slow_statements(side)},
                            {"running_statements", running(session)},
                            {"replication", replication(session)},
                            {"slots", slots(session)},
                            {"health", health(session)}};
        if (const auto mark = mark_of(side)) status["mark"] = marked(mark->version, mark->name).detail;
        return status;
    } catch (const DatabaseError& error) {
        return Error{Code::unavailable, "the database cannot be read: " + std::string{error.what()}};
    }
}

} // namespace millrace::store
