#include "jobs/retention.hpp"

#include "base/crash_point.hpp"
#include "jobs/flow_repository.hpp"
#include "jobs/job_blobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace millrace::jobs {
namespace {

using store::Session;
using store::Sql;

constexpr int piece = 500;

// Ids are ordered by the time of submission: what was submitted after the limit cannot have ended before it. A job that others still
// wait for is kept: somebody may retry it.
constexpr Sql select_old{
    "SELECT id FROM finished_jobs WHERE id > $1 AND id < $2 AND state = $3 AND finished_at < $4 AND NOT EXISTS "
    "(SELECT 1 FROM job_dependencies d JOIN jobs j ON j.id = d.job_id WHERE d.organization_id = finished_jobs.organization_id "
    "AND d.parent_id = finished_jobs.id AND d.settled = 0) ORDER BY id LIMIT $5"};
constexpr Sql delete_finished{"DELETE FROM finished_jobs WHERE id = $1 RETURNING flow_id"};
constexpr Sql delete_attempts{"DELETE FROM job_attempts WHERE job_id = $1"};
constexpr Sql delete_dependencies{"DELETE FROM job_dependencies WHERE job_id = $1"};

// False when it is not there: somebody has retried it since it was found.
bool delete_one(Session& session, JobId id, std::set<FlowId>& flows) {
    auto rows = session.query(delete_finished, {id});
    if (!rows.next()) return false;
    if (!rows.is_null(0)) flows.insert(rows.id<FlowId>(0));
    rows.next(); // to its end: only then is it done
    return true;
}

// The least id that a job submitted at that time can have: a UUIDv7 begins with the milliseconds.
std::string id_at(Timestamp time) {
    const auto digits = fmt::format("{:012x}", static_cast<std::uint64_t>(std::max<std::int64_t>(time.micros / 1000, 0)));
    return digits.substr(0, 8) + "-" + digits.substr(8) + "-0000-0000-000000000000";
}

} // namespace

std::vector<JobId> Retention::find_piece(Session& session, model::JobState state, Timestamp older_than, const std::string& after) {
    auto rows = session.query(select_old, {after, id_at(older_than), model::name(state), older_than, piece});
    std::vector<JobId> old;
    while (rows.next()) old.push_back(rows.id<JobId>(0));
    return old;
}

void Retention::delete_piece(Session& session, const std::vector<JobId>& old, Timestamp now) {
    crash_point("retention.before_delete");
    std::set<FlowId> flows;
    for (const auto& id : old) {
        if (!delete_one(session, id, flows)) continue;
        session.execute(delete_attempts, {id});
        session.execute(delete_dependencies, {id});
        job_blobs::forget(session, id, now);
    }
    for (const auto& flow : flows) flow_repository::forget_empty(session, flow);
}

void Retention::start(asio::io_context& context) {
    if (options_.keep.empty()) return;
    timer_ = std::make_shared<asio::steady_timer>(context);
    sweep();
}

void Retention::stop() {
    if (stopped_.exchange(true) || !timer_) return;
    asio::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
}

void Retention::sweep() {
    for (const auto& [state, keep] : options_.keep) sweep_state(state, clock_.now() - keep, "");
    arm();
}

// Found on a reader, deleted on the writer, one piece after the other.
void Retention::sweep_state(model::JobState state, Timestamp older_than, std::string after) {
    auto find = [state, older_than, after = std::move(after)](Session& session) -> Result<std::vector<JobId>> {
        return find_piece(session, state, older_than, after);
    };
    database_.post_read(std::move(find), [this, state, older_than](Result<std::vector<JobId>> old) {
        if (!old || old->empty() || stopped_) return;
        const auto last = old->back().text();
        const auto count = old->size();
        database_.post_write([old = std::move(*old), now = clock_.now()](Session& session) -> Result<void> {
            delete_piece(session, old, now);
            return success();
        }, [this, state, older_than, last, count](Result<void> done) {
            if (!done || stopped_) return;
            deleted_.add(count);
            if (count == static_cast<std::size_t>(piece)) sweep_state(state, older_than, last);
            else log_.info("ended jobs past their time were deleted", {{"state", model::name(state)}});
        });
    }, store::ReadTime::unlimited);
}

void Retention::arm() {
    if (stopped_) return;
    timer_->expires_after(options_.every);
    timer_->async_wait([this, timer = timer_](boost::system::error_code failure) {
        if (!failure && !stopped_) sweep();
    });
}

} // namespace millrace::jobs
