#include "jobs/dead_letters.hpp"

#include "base/crash_point.hpp"
#include "jobs/dependency_repository.hpp"
#include "jobs/ending.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/job_columns.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include <limits>

namespace millrace::jobs {
namespace {

using store::Session;
using store::Sql;
using store::TenantSession;

constexpr int piece = 500; // in one transaction, so that nobody waits long behind a large replay

#define MILLRACE_DEAD_FILTER                                                                                                        \
    "organization_id = $1 AND state = 'dead' AND id < $2 AND ($3 = '' OR kind = $3) AND ($4 = '' OR queue = $4) "                   \
    "AND ($5 = '' OR error_code = $5) AND " MILLRACE_HAS_TAG("$6") " AND finished_at >= $7 AND finished_at < $8 "         \
    "AND ($9 = '' OR id IN (SELECT value FROM json_each($9)))"
constexpr Sql select_dead{"SELECT " MILLRACE_FINISHED_COLUMNS " FROM finished_jobs WHERE " MILLRACE_DEAD_FILTER " ORDER BY id DESC LIMIT $10"};
constexpr Sql select_dead_ids{"SELECT id, kind FROM finished_jobs WHERE " MILLRACE_DEAD_FILTER " ORDER BY id DESC LIMIT $10"};
constexpr Sql count_dead{"SELECT count(*) FROM finished_jobs WHERE " MILLRACE_DEAD_FILTER};
constexpr Sql delete_job{"DELETE FROM finished_jobs WHERE organization_id = $1 AND id = $2 AND state = 'dead'"};
constexpr Sql delete_attempts{"DELETE FROM job_attempts WHERE organization_id = $1 AND job_id = $2"};
constexpr Sql delete_dependencies{"DELETE FROM job_dependencies WHERE organization_id = $1 AND job_id = $2"};

// The filter as the statements' parameters.
struct Bound {
    std::string before, kind, queue, error_code, tag, ids;
    Timestamp after, until;

    Bound(const DeadFilter& filter, const std::optional<JobId>& cursor)
        : before{cursor ? cursor->text() : "ffffffff-ffff-ffff-ffff-ffffffffffff"}, kind{filter.kind.value_or("")}, queue{filter.queue.value_or("")},
          error_code{filter.error_code.value_or("")}, tag{filter.tag ? job_repository::stored_tag(*filter.tag) : ""},
          after{filter.died_after.value_or(Timestamp{0})}, until{filter.died_before.value_or(Timestamp{std::numeric_limits<std::int64_t>::max()})} {
        if (filter.ids.empty()) return;
        json::array list;
        for (const auto& id : filter.ids) list.emplace_back(id.text());
        ids = json::serialize(list);
    }
};

struct Dead {
    JobId id;
    std::string kind;
};

// Nobody can make a purged job succeed any more: what still waits for it has failed.
void fail_children(TenantSession& tenant, JobId parent, Timestamp now, Settled& settled) {
    const model::JobError error{"dependency_failed", fmt::format("job {}, which it depends on, was purged", parent.text())};
    for (const auto& child : dependency_repository::unsettled_children(tenant.session(), parent))
        end_job(tenant.session(), tenant.organization(), child.id, model::JobState::dead, error, now, settled, true);
}

// The next piece, the newest first, older than the cursor.
std::vector<Dead> next_piece(TenantSession& tenant, const DeadFilter& filter, const std::optional<JobId>& cursor) {
    const Bound b{filter, cursor};
    auto rows = tenant.query(select_dead_ids, {b.before, b.kind, b.queue, b.error_code, b.tag, b.after, b.until, b.ids, piece});
    std::vector<Dead> dead;
    while (rows.next()) dead.push_back({rows.id<JobId>(0), rows.string(1)});
    return dead;
}

} // namespace

awaitable<Result<std::vector<model::Job>>> DeadLetters::list(OrganizationId organization, DeadFilter filter) {
    auto task = [organization, filter = std::move(filter)](Session& session) -> Result<std::vector<model::Job>> {
        TenantSession tenant{session, organization};
        const Bound b{filter, filter.before};
        auto rows = tenant.query(select_dead, {b.before, b.kind, b.queue, b.error_code, b.tag, b.after, b.until, b.ids, filter.limit});
        std::vector<model::Job> found;
        while (rows.next()) found.push_back(job_repository::read_job(rows));
        return found;
    };
    co_return co_await database_.read(std::move(task));
}

awaitable<Result<std::size_t>> DeadLetters::count(OrganizationId organization, DeadFilter filter) {
    auto task = [organization, filter = std::move(filter)](Session& session) -> Result<std::size_t> {
        TenantSession tenant{session, organization};
        const Bound b{filter, std::nullopt};
        auto rows = tenant.query(count_dead, {b.before, b.kind, b.queue, b.error_code, b.tag, b.after, b.until, b.ids});
        rows.next();
        return static_cast<std::size_t>(rows.integer(0));
    };
    co_return co_await database_.read(std::move(task));
}

awaitable<Result<std::size_t>> DeadLetters::replay(model::Principal who, Replay replay) {
    struct Done {
        Settled settled;
        std::optional<JobId> last;
        std::size_t refused = 0;
    };
    std::size_t count = 0;
    const Timestamp begin = clock_.now();
    // What dies again while this goes on is not replayed twice.
    if (!replay.filter.died_before || *replay.filter.died_before > begin) replay.filter.died_before = begin;
    for (std::optional<JobId> cursor;;) {
        auto task = [this, who, replay, cursor, count, begin, now = clock_.now()](Session& session) -> Result<Done> {
            TenantSession tenant{session, who.organization};
            Done done;
            for (const auto& dead : next_piece(tenant, replay.filter, cursor)) {
                done.last = dead.id;
                const auto* processor = replay.payload ? dispatcher_.processor(dead.kind) : nullptr;
                if (processor && !processor->check(who.organization, json::parse(*replay.payload))) {
                    ++done.refused;
                    continue;
                }
                Timestamp due = now;
                if (replay.rate_per_second)
                    due = std::max(now, begin + std::chrono::microseconds{static_cast<std::int64_t>(static_cast<double>(count + done.settled.jobs.size()) / *replay.rate_per_second * 1e6)});
                // One whose unique key another job holds stays where it is.
                if (auto moved = replay_job(tenant, dead.id, due, replay.payload, now)) done.settled.jobs.push_back(std::move(*moved));
            }
            return done;
        };
        auto done = co_await database_.write(std::move(task));
        if (!done) co_return done.error();
        if (!done->last) break;
        crash_point("replay.before_next_piece");
        cursor = done->last;
        count += done->settled.jobs.size();
        if (done->refused > 0 && count == 0)
            co_return Error{Code::unprocessable, "the payload is not one that these jobs can have; nothing was replayed"};
        dispatcher_.ended_elsewhere(std::move(done->settled));
    }
    co_return count;
}

awaitable<Result<std::size_t>> DeadLetters::purge(model::Principal who, DeadFilter filter) {
    std::size_t count = 0;
    for (std::optional<JobId> cursor;;) {
        struct Done {
            std::size_t deleted = 0;
            std::optional<JobId> last;
            Settled settled;
        };
        auto task = [who, filter, cursor, now = clock_.now()](Session& session) -> Result<Done> {
            crash_point("purge.before_delete");
            TenantSession tenant{session, who.organization};
            Done done;
            for (const auto& dead : next_piece(tenant, filter, cursor)) {
                done.last = dead.id;
                fail_children(tenant, dead.id, now, done.settled);
                done.deleted += static_cast<std::size_t>(tenant.execute(delete_job, {dead.id}));
                tenant.execute(delete_attempts, {dead.id});
                tenant.execute(delete_dependencies, {dead.id});
                job_blobs::forget(session, dead.id, now);
            }
            count_totals(session, done.settled);
            return done;
        };
        auto done = co_await database_.write(std::move(task));
        if (!done) co_return done.error();
        if (!done->last) break;
        crash_point("purge.before_next_piece");
        cursor = done->last;
        count += done->deleted;
        if (!done->settled.empty()) dispatcher_.ended_elsewhere(std::move(done->settled));
    }
    co_return count;
}

} // namespace millrace::jobs
