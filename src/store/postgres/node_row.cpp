#include "store/postgres/node_row.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>

namespace millrace::store {
namespace {

// Any number that no other program on the same database locks by chance: "millrace" in ASCII.
constexpr std::int64_t daemon_lock = 0x6d696c6c72616365;

constexpr const char* taken_over = "another daemon has taken over the database";

std::int64_t number(const PgResult& result, int column) {
    std::int64_t value = 0;
    const char* text = PQgetvalue(result.get(), 0, column);
    std::from_chars(text, text + PQgetlength(result.get(), 0, column), value);
    return value;
}

} // namespace

bool NodeRow::lock() { return connection_.text(fmt::format("SELECT pg_try_advisory_lock({})", daemon_lock)) == "t"; }

void NodeRow::enter() {
    const auto row = connection_.script(
        fmt::format("INSERT INTO nodes (node, epoch, group_no) VALUES ('{}', 1, 0) "
                    "ON CONFLICT (node) DO UPDATE SET epoch = nodes.epoch + 1 RETURNING epoch, group_no",
                    node_));
    epoch_ = number(row, 0);
    group_ = committed_ = number(row, 1);
}

void NodeRow::check() {
    const auto row = connection_.script(fmt::format("SELECT epoch, group_no FROM nodes WHERE node = '{}'", node_));
    if (PQntuples(row.get()) == 0 || number(row, 0) != epoch_) throw Fenced{taken_over};
    if (number(row, 1) < committed_)
        throw Fenced{"the database has lost commits that were acknowledged; was it put back from a backup, or has a "
                     "standby taken over that had not received them?"};
}

void NodeRow::begin_group() {
    ++group_;
    const auto done = connection_.script(
        fmt::format("BEGIN; UPDATE nodes SET group_no = {} WHERE node = '{}' AND epoch = {}", group_, node_, epoch_));
    if (std::string_view{PQcmdTuples(done.get())} != "1") throw Fenced{taken_over};
}

bool NodeRow::was_committed() {
    const auto row = connection_.script(
        fmt::format("SELECT group_no FROM nodes WHERE node = '{}' AND epoch = {} FOR UPDATE", node_, epoch_));
    if (PQntuples(row.get()) == 0) throw Fenced{taken_over};
    return number(row, 0) >= group_;
}

} // namespace millrace::store
