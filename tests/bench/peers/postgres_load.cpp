// The loop that queues on PostgreSQL stand on: enqueue, claim with SKIP LOCKED, complete; each durable before it
// counts.
//   bench_peer_postgres CONNECTION-STRING CONNECTIONS SECONDS CLAIM
// CLAIM is how many jobs a worker claims at a time; its jobs are completed in one statement.
#include "load.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <memory>

namespace {

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
}

class Connection {
public:
    explicit Connection(const char* where) : connection_{PQconnectdb(where)} {
        if (PQstatus(connection_) != CONNECTION_OK) fail(PQerrorMessage(connection_));
    }
    ~Connection() { PQfinish(connection_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void prepare() {
        run(PQprepare(connection_, "enqueue", "INSERT INTO jobs (kind, payload) VALUES ('echo', $1::jsonb)", 1,
                      nullptr));
        run(PQprepare(
            connection_, "enqueue_many",
            "INSERT INTO jobs (kind, payload) SELECT 'echo', payload::jsonb FROM unnest($1::text[]) AS payload", 1,
            nullptr));
        run(PQprepare(connection_, "claim",
                      "UPDATE jobs SET state = 'running', attempt = attempt + 1, started_at = now() WHERE id IN "
                      "(SELECT id FROM jobs "
                      "WHERE state = 'queued' ORDER BY priority DESC, id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
                      1, nullptr));
        run(PQprepare(
            connection_, "complete",
            "UPDATE jobs SET state = 'succeeded', finished_at = now(), result = payload WHERE id = ANY($1::bigint[])",
            1, nullptr));
    }
    void script(const char* sql) { run(PQexec(connection_, sql)); }
    std::size_t enqueue() {
        execute("enqueue", millrace::bench::peer_payload);
        return 1;
    }
    std::size_t enqueue_many() {
        constexpr std::size_t rows = 1000;
        static const std::string array = [] {
            std::string quoted, all = "{";
            for (const char c : std::string{millrace::bench::peer_payload}) (c == '"' ? quoted += '\\' : quoted) += c;
            for (std::size_t i = 0; i < rows; ++i) all += (i ? ",\"" : "\"") + quoted + "\"";
            return all + "}";
        }();
        execute("enqueue_many", array.c_str());
        return rows;
    }
    std::size_t claim_and_complete(const char* most) {
        const auto claimed = execute("claim", most);
        const int count = PQntuples(claimed.get());
        if (count == 0) return 0;
        std::string ids = "{";
        for (int i = 0; i < count; ++i) ids += (i ? "," : "") + std::string{PQgetvalue(claimed.get(), i, 0)};
        execute("complete", (ids + "}").c_str());
        return static_cast<std::size_t>(count);
    }

private:
    using Rows = std::unique_ptr<PGresult, decltype(&PQclear)>;
    Rows run(PGresult* result) {
        const auto status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(PQerrorMessage(connection_));
        return {result, &PQclear};
    }
    Rows execute(const char* name, const char* parameter) {
        return run(PQexecPrepared(connection_, name, 1, &parameter, nullptr, nullptr, 0));
    }

    PGconn* connection_;
};

constexpr const char* schema = R"(
CREATE TABLE jobs (id bigserial PRIMARY KEY, kind text NOT NULL, state text NOT NULL DEFAULT 'queued',
                   priority smallint NOT NULL DEFAULT 5,
                   payload jsonb NOT NULL, attempt int NOT NULL DEFAULT 0,
                   created_at timestamptz NOT NULL DEFAULT now(),
                   started_at timestamptz, finished_at timestamptz, result jsonb);
CREATE INDEX jobs_ready ON jobs (priority DESC, id) WHERE state = 'queued')";

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) fail("usage: bench_peer_postgres CONNECTION-STRING CONNECTIONS SECONDS CLAIM");
    const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
    const double seconds = std::atof(argv[3]);
    while (PQping(argv[1]) == PQPING_REJECT)
        std::this_thread::sleep_for(std::chrono::milliseconds{50}); // it still starts
    std::vector<std::unique_ptr<Connection>> connections;
    for (std::size_t i = 0; i < count; ++i) connections.push_back(std::make_unique<Connection>(argv[1]));
    connections[0]->script("SET client_min_messages = warning");
    connections[0]->script("DROP TABLE IF EXISTS jobs");
    connections[0]->script(schema);
    for (auto& connection : connections) connection->prepare();
    using millrace::bench::run_load;
    const auto submit = run_load(count, seconds, [&](std::size_t i) { return connections[i]->enqueue(); });
    const auto batch = run_load(std::min<std::size_t>(count, 4), seconds,
                                [&](std::size_t i) { return connections[i]->enqueue_many(); });
    connections[0]->script("VACUUM ANALYZE jobs");
    const auto run =
        run_load(count, seconds, [&](std::size_t i) { return connections[i]->claim_and_complete(argv[4]); });
    std::printf("{");
    submit.print("submit", ", ");
    batch.print("batch", ", ");
    run.print("run", "}\n");
}
