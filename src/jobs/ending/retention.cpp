#include "jobs/retention.hpp"

#include "base/crash_point.hpp"
#include "jobs/flows/flow_repository.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/page.hpp"
#include "store/turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace millrace::jobs {
namespace {

using store::SystemSession;
using store::Sql;

constexpr std::size_t piece_size = 500;

// A job that others still wait for is kept: somebody may retry it.
#define MILLRACE_NOT_WAITED_FOR                                                    \
    "NOT EXISTS (SELECT 1 FROM job_dependencies d JOIN jobs j ON j.id = d.job_id " \
    "WHERE d.organization_id = finished_jobs.organization_id AND d.parent_id = finished_jobs.id AND d.settled = 0)"
// Most jobs succeed: an index of their ends would cost each of them. Ids are ordered by the time of submission, and
// what was submitted after the limit cannot have ended before it: so these are looked for where the oldest ids are.
// What was kept for another reason is passed over, a bounded look at a time.
constexpr Sql look_at_succeeded{
    "SELECT id, CASE WHEN state = 'succeeded' AND finished_at < $3 AND " MILLRACE_NOT_WAITED_FOR " THEN 1 ELSE 0 END "
    "FROM finished_jobs WHERE id > $1 AND id < $2 ORDER BY id"};
constexpr Sql look_at_ends{"SELECT id, CASE WHEN " MILLRACE_NOT_WAITED_FOR " THEN 1 ELSE 0 END, finished_at "
                           "FROM finished_jobs WHERE state <> 'succeeded' AND state = $1 AND (finished_at, id) > ($2, "
                           "$3) AND finished_at < $4 "
                           "ORDER BY finished_at, id"};
constexpr Sql delete_finished{"DELETE FROM finished_jobs WHERE id = $1 RETURNING flow_id"};
constexpr Sql delete_attempts{"DELETE FROM job_attempts WHERE job_id = $1"};
constexpr Sql delete_dependencies{"DELETE FROM job_dependencies WHERE job_id = $1"};

// False when it is not there: somebody has retried it since it was found.
bool delete_one(SystemSession& session, JobId id, std::set<FlowId>& flows) {
    auto rows = session.query(delete_finished, {id});
    if (!rows.next()) return false;
    if (!rows.is_null(0)) flows.insert(rows.id<FlowId>(0));
    rows.next(); // to its end: only then is it done
    return true;
}

// The least id that a job submitted at that time can have: a UUIDv7 begins with the milliseconds.
std::string id_at(Timestamp time) {
    const auto digits =
        fmt::format("{:012x}", static_cast<std::uint64_t>(std::max<std::int64_t>(time.micros / 1000, 0)));
    return digits.substr(0, 8) + "-" + digits.substr(8) + "-0000-0000-000000000000";
}

} // namespace

Retention::Piece Retention::find_piece(SystemSession& session, values::JobState state, Timestamp older_than,
                                       const Place& from) {
    const bool by_id = state == values::JobState::succeeded;
    auto rows = by_id ? session.scan(look_at_succeeded, {from.id, id_at(older_than), older_than})
                      : session.scan(look_at_ends, {values::name(state), from.ended, from.id, older_than});
    Piece piece;
    for (int looked = 1; rows.next(); ++looked) {
        const auto id = rows.id<JobId>(0);
        if (rows.boolean(1)) piece.old.push_back(id);
        if (piece.old.size() < piece_size && looked < rows_of_a_look) continue;
        piece.next = Place{by_id ? Timestamp{0} : rows.time(2), id.text()};
        break;
    }
    return piece;
}

std::size_t Retention::delete_piece(SystemSession& session, std::span<const JobId> old, Timestamp now) {
    crash_point("retention.before_delete");
    std::set<FlowId> flows;
    std::size_t looked_at = 0;
    for (store::Turn turn; looked_at < old.size() && turn.takes_another();) {
        const auto id = old[looked_at++];
        if (!delete_one(session, id, flows)) continue;
        session.execute(delete_attempts, {id});
        session.execute(delete_dependencies, {id});
        job_blobs::forget(session, id, now);
    }
    for (const auto& flow : flows) flow_repository::forget_empty(session, flow);
    return looked_at;
}

awaitable<bool> Retention::piece() {
    if (state_ == kept_.end() && !begin_state(kept_.begin())) co_return false;
    bool done = false;
    if (old_.empty()) done = co_await find();
    else done = co_await remove();
    if (done && (!old_.empty() || from_)) co_return true;
    if (of_state_ > 0)
        log_.info("ended jobs past their time were deleted",
                  {{"state", values::name(state_->first)}, {"jobs", of_state_}});
    co_return begin_state(done ? std::next(state_) : kept_.end()); // what the store refuses is tried in the next round
}

bool Retention::begin_state(KeptFor::const_iterator state) {
    state_ = state;
    old_.clear();
    of_state_ = 0;
    if (state_ == kept_.end()) return false;
    older_than_ = clock_.now() - state_->second;
    from_ = Place{};
    return true;
}

awaitable<bool> Retention::find() {
    auto look = [state = state_->first, older_than = older_than_, from = *from_](
                    SystemSession& session) -> Result<Piece> { return find_piece(session, state, older_than, from); };
    auto found = co_await database_.read(std::move(look));
    if (!found) co_return false;
    old_ = std::move(found->old);
    from_ = std::move(found->next);
    co_return true;
}

awaitable<bool> Retention::remove() {
    auto task = [old = old_, now = clock_.now()](SystemSession& session) -> Result<std::size_t> {
        return delete_piece(session, old, now);
    };
    const auto done = co_await database_.write(std::move(task));
    if (!done) co_return false;
    deleted_.add(*done);
    of_state_ += *done;
    old_.erase(old_.begin(), old_.begin() + static_cast<std::ptrdiff_t>(*done));
    co_return true;
}

} // namespace millrace::jobs
