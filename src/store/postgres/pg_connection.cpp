#include "store/postgres/pg_connection.hpp"

#include "base/trusted_authorities.hpp"
#include "store/postgres/pg_dialect.hpp"
#include "store/postgres/pg_inserts.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <poll.h>

namespace millrace::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds stop_pause{50}; // between looks at whether to stop

// By the first letters of the error's code (PostgreSQL's appendix A).
Fault fault_of(std::string_view code) {
    if (code == "40001" || code == "40P01") return Fault::conflict;
    if (code == "53100") return Fault::full;
    if (code == "57014") return Fault::time_limit;
    if (code == "22021") return Fault::constraint;                            // bytes that are no text
    if (code == "55P03" || code.starts_with("53")) return Fault::unavailable; // a lock, or the server's resources
    if (code.starts_with("23")) return Fault::constraint;
    if (code.starts_with("08") || code.starts_with("57P")) return Fault::lost; // 57P: the server stops
    if (code.starts_with("58") || code.starts_with("XX")) return Fault::broken;
    return Fault::misuse;
}

std::string trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    std::string line{text};
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

bool is_error(const pg_result* result) {
    const auto status = PQresultStatus(result);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
}

} // namespace

PgConnection::PgConnection(std::string url, std::string purpose, std::chrono::milliseconds answer_limit)
    : url_{std::move(url)},
      purpose_{std::move(purpose)},
      answer_limit_{answer_limit} {}

PgConnection::~PgConnection() { disconnect(); }

// What the URL says comes after the defaults, and wins; what follows the URL is not for it to change. Over the network
// the server proves by a certificate who it is, unless the URL says otherwise.
void PgConnection::connect() {
    disconnect();
    statements_.clear(); // not before: a task may still hold the rows of one
    scans_.clear();
    for_rows_.clear();
    const std::pair<const char*, const char*> settings[] = {
        {"connect_timeout", "5"},      // seconds
        {"tcp_user_timeout", "10000"}, // milliseconds
        {"keepalives_idle", "5"},
        {"keepalives_interval", "3"},
        {"keepalives_count", "3"},
        {"sslmode", "verify-full"},
        {"sslrootcert", trusted_authorities()}, // nullptr: libpq looks in its own place
        {"dbname", url_.c_str()},
        {"application_name", purpose_.c_str()},
        {"client_encoding", "UTF8"},
        {"gssencmode", "disable"},
        {"target_session_attrs", "read-write"}, // no standby
        {nullptr, nullptr}};
    std::vector<const char*> names, values;
    for (const auto& [name, value] : settings) {
        names.push_back(name);
        values.push_back(value);
    }
    handle_ = PQconnectdbParams(names.data(), values.data(), 1);
    if (PQstatus(handle_) != CONNECTION_OK) lose("cannot connect: " + trimmed(PQerrorMessage(handle_)));
    PQsetnonblocking(handle_, 1);
    PQsetNoticeReceiver(handle_, &PgConnection::note, this);
    warned_ = false;
}

void PgConnection::disconnect() noexcept { PQfinish(std::exchange(handle_, nullptr)); }

void PgConnection::lose(const std::string& why) {
    disconnect();
    throw DatabaseError{Fault::lost, why};
}

void PgConnection::note(void* self, const pg_result* notice) {
    const char* code = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    if (code && std::string_view{code} == "01000") static_cast<PgConnection*>(self)->warned_ = true;
}

bool PgConnection::in_transaction() const { return handle_ && PQtransactionStatus(handle_) != PQTRANS_IDLE; }

int PgConnection::server_version() const { return PQserverVersion(handle_); }
int PgConnection::backend() const { return PQbackendPID(handle_); }

PgStatement& PgConnection::statement(const char* sql) {
    const auto at = statements_.find(sql);
    return at != statements_.end() ? *at->second : prepare(sql);
}

PgStatement& PgConnection::prepare(const char* sql) {
    auto statement = std::make_unique<PgStatement>(sql, fmt::format("s{}", statements_.size()));
    prepare(statement->name(), in_postgres(sql), sql);
    return *statements_.emplace(sql, std::move(statement)).first->second;
}

void PgConnection::prepare(const std::string& name, const std::string& text, const char* doing) {
    if (!handle_) throw DatabaseError{Fault::lost, "there is no connection"};
    if (!PQsendPrepare(handle_, name.c_str(), text.c_str(), 0, nullptr)) lose_as_told();
    answer(doing);
}

const std::string& PgConnection::prepared_for_rows(const char* sql, std::size_t width, std::size_t rows) {
    const auto known = for_rows_.find({sql, rows});
    if (known != for_rows_.end()) return known->second;
    auto name = fmt::format("r{}", for_rows_.size());
    prepare(name, for_rows(in_postgres(sql), width, rows), sql);
    return for_rows_.emplace(std::pair{sql, rows}, std::move(name)).first->second;
}

void PgConnection::run(PgStatement& statement, const Value* tenant, std::span<const Value> values) {
    const PgParameters parameters{tenant, values};
    statement.check(parameters);
    if (!PQsendQueryPrepared(handle_, statement.name().c_str(), parameters.count(), parameters.data(),
                             parameters.sizes(), parameters.formats(), 0))
        lose_as_told();
    statement.keep(answer(statement.sql()));
}

PgScan& PgConnection::scan(const char* sql) {
    auto& scan = scans_[sql];
    if (!scan) scan = std::make_unique<PgScan>(*this, sql, fmt::format("c{}", scans_.size()));
    return *scan;
}

PgResult PgConnection::run(const std::string& sql, const PgParameters& parameters) {
    if (!handle_) throw DatabaseError{Fault::lost, "there is no connection"};
    if (!PQsendQueryParams(handle_, sql.c_str(), parameters.count(), nullptr, parameters.data(), parameters.sizes(),
                           parameters.formats(), 0))
        lose_as_told();
    return answer(sql.c_str());
}

PgResult PgConnection::script(const std::string& sql) {
    if (!handle_) throw DatabaseError{Fault::lost, "there is no connection"};
    if (!PQsendQuery(handle_, sql.c_str())) lose_as_told();
    return answer(sql.c_str());
}

std::optional<std::string> PgConnection::text(const std::string& sql) {
    const auto result = script(sql);
    if (PQntuples(result.get()) == 0 || PQgetisnull(result.get(), 0, 0) != 0) return std::nullopt;
    return PQgetvalue(result.get(), 0, 0);
}

PgResult PgConnection::next_result(SteadyClock::time_point until) {
    wait_for_result(until);
    return PgResult{PQgetResult(handle_)};
}

// The last result of what was sent, or the first error. Waits no longer than the limit.
PgResult PgConnection::answer(const char* doing) {
    const auto until = SteadyClock::now() + answer_limit_;
    PgResult last;
    while (auto next = next_result(until))
        if (!last || !is_error(last.get())) last = std::move(next);
    if (PQstatus(handle_) != CONNECTION_OK || !last) lose_as_told();
    if (!is_error(last.get())) return last;
    fail(last.get(), doing);
}

// In libpq's pipeline mode: each run's result, then nothing; at the end one that tells of the end.
std::vector<PgResult> PgConnection::run_all(std::span<const PgRun> runs, const char* doing) {
    if (!handle_) throw DatabaseError{Fault::lost, "there is no connection"};
    const auto sent = [this](int done) {
        if (done == 0) lose_as_told();
    };
    sent(PQenterPipelineMode(handle_));
    for (const auto& run : runs)
        sent(PQsendQueryPrepared(handle_, run.name->c_str(), run.count, run.data, run.sizes, run.formats, 0));
    sent(PQpipelineSync(handle_));
    const auto until = SteadyClock::now() + answer_limit_;
    std::vector<PgResult> results;
    results.reserve(runs.size());
    PgResult failed;
    for (;;) {
        auto next = next_result(until);
        if (PQstatus(handle_) != CONNECTION_OK) lose_as_told();
        if (!next) continue;
        const auto status = PQresultStatus(next.get());
        if (status == PGRES_PIPELINE_SYNC) break;
        if (status == PGRES_PIPELINE_ABORTED) continue;
        if (!is_error(next.get())) results.push_back(std::move(next));
        else if (!failed) failed = std::move(next);
    }
    PQexitPipelineMode(handle_);
    if (failed) fail(failed.get(), doing);
    return results;
}

void PgConnection::fail(const pg_result* result, const char* doing) {
    const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const auto what = fmt::format("{}: {} ({})", doing, trimmed(PQresultErrorMessage(result)), code ? code : "");
    const auto fault = fault_of(code ? code : "08000");
    if (fault == Fault::lost) lose(what);
    throw DatabaseError{fault, what};
}

void PgConnection::lose_as_told() { lose(trimmed(PQerrorMessage(handle_))); }

void PgConnection::wait_for_result(SteadyClock::time_point until) {
    for (;;) {
        const bool sending = PQflush(handle_) == 1;
        if (!sending && !PQisBusy(handle_)) return;
        wait_for_socket(until, sending);
    }
}

// `sending`: there is more to send, and room for it is waited for as well.
void PgConnection::wait_for_socket(SteadyClock::time_point until, bool sending) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now()).count();
    if (left <= 0) lose("the server does not answer");
    pollfd socket{PQsocket(handle_), static_cast<short>(POLLIN | (sending ? POLLOUT : 0)), 0};
    const auto wait = stop_ ? std::min<std::int64_t>(left, stop_pause.count()) : left;
    const int ready = ::poll(&socket, 1, static_cast<int>(wait));
    if (ready < 0 && errno != EINTR) lose("poll failed");
    if (ready == 0) cancel_if_stopped();
    if (!PQconsumeInput(handle_)) lose_as_told();
}

// By a connection of its own, as the protocol wants it. Again and again: one that comes too early does nothing.
void PgConnection::cancel_if_stopped() {
    if (!stop_ || !*stop_) return;
    char error[256];
    PGcancel* cancel = PQgetCancel(handle_);
    PQcancel(cancel, error, sizeof error);
    PQfreeCancel(cancel);
}

} // namespace millrace::store
