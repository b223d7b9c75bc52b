#include "jobs/dead_letters.hpp"

#include "base/crash_point.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "jobs/ending/ending.hpp"
#include "jobs/job_blobs.hpp"
#include "jobs/records/job_columns.hpp"
#include "jobs/records/look.hpp"
#include "jobs/records/read_page.hpp"
#include "store/turn.hpp"

#include <fmt/format.h>

#include <limits>

namespace millrace::jobs {
namespace {

using store::Sql;
using store::OrganizationSession;

// Read as the list of jobs is (job_repository.cpp): a look ends also where nothing fits.
#define MILLRACE_DEAD_FITS                                                                           \
    "CASE WHEN ($3 = '' OR kind = $3) AND ($4 = '' OR queue = $4) AND ($5 = '' OR error_code = $5) " \
    "AND finished_at >= $6 AND finished_at < $7 AND " MILLRACE_HAS_TAG("$8") " THEN 1 ELSE 0 END"
#define MILLRACE_DEAD_LOOK "SELECT id, kind, queue, " MILLRACE_DEAD_FITS " FROM finished_jobs WHERE "
#define MILLRACE_DEAD_ALL "organization_id = $1 AND state = 'dead'"
// By their ids: what is added to nothing keeps the index of all dead letters out of it.
#define MILLRACE_DEAD_NAMED \
    "id IN (SELECT value FROM json_each($9)) AND organization_id || '' = $1 AND state || '' = 'dead'"
#define MILLRACE_NEWEST_FIRST " AND id < $2 ORDER BY id DESC"
#define MILLRACE_OLDEST_FIRST " AND id > $2 ORDER BY id"
constexpr Sql look_at_dead{MILLRACE_DEAD_LOOK MILLRACE_DEAD_ALL MILLRACE_NEWEST_FIRST};
constexpr Sql look_at_named{MILLRACE_DEAD_LOOK MILLRACE_DEAD_NAMED MILLRACE_NEWEST_FIRST};
constexpr Sql go_through_dead{MILLRACE_DEAD_LOOK MILLRACE_DEAD_ALL MILLRACE_OLDEST_FIRST};
constexpr Sql go_through_named{MILLRACE_DEAD_LOOK MILLRACE_DEAD_NAMED MILLRACE_OLDEST_FIRST};
constexpr Sql is_dead_since{
    "SELECT 1 FROM finished_jobs WHERE organization_id = $1 AND id = $2 AND state = 'dead' AND finished_at < $3"};
constexpr Sql delete_job{"DELETE FROM finished_jobs WHERE organization_id = $1 AND id = $2 AND state = 'dead'"};
constexpr Sql delete_attempts{"DELETE FROM job_attempts WHERE organization_id = $1 AND job_id = $2"};
constexpr Sql delete_dependencies{"DELETE FROM job_dependencies WHERE organization_id = $1 AND job_id = $2"};

enum class Order { newest, oldest }; // which comes first

// The filter as the statements' parameters.
struct Bound {
    std::string place, kind, queue, error_code, tag, ids;
    Timestamp after, until;

    Bound(const DeadFilter& filter, const std::optional<JobId>& cursor, Order order)
        : place{cursor                   ? cursor->text()
                : order == Order::newest ? "ffffffff-ffff-ffff-ffff-ffffffffffff"
                                         : ""},
          kind{filter.kind.value_or("")},
          queue{filter.queue.value_or("")},
          error_code{filter.error_code.value_or("")},
          tag{filter.tag ? job_repository::stored_tag(*filter.tag) : ""},
          after{filter.died_after.value_or(Timestamp{0})},
          until{filter.died_before.value_or(Timestamp{std::numeric_limits<std::int64_t>::max()})} {
        if (filter.ids.empty()) return;
        json::array list;
        for (const auto& id : filter.ids) list.emplace_back(id.text());
        ids = json_text(list);
    }
};

constexpr std::size_t piece_size = 500;

DeadLetters::Piece look(OrganizationSession& tenant, const DeadFilter& filter, const std::optional<JobId>& cursor,
                        std::size_t most, Order order) {
    const Bound b{filter, cursor, order};
    const bool newest = order == Order::newest;
    auto rows = b.ids.empty() ? tenant.scan(newest ? look_at_dead : go_through_dead,
                                            {b.place, b.kind, b.queue, b.error_code, b.after, b.until, b.tag})
                              : tenant.scan(newest ? look_at_named : go_through_named,
                                            {b.place, b.kind, b.queue, b.error_code, b.after, b.until, b.tag, b.ids});
    DeadLetters::Piece found;
    Look budget{rows_of_a_look};
    JobId last;
    while (rows.next()) {
        const auto id = rows.id<JobId>(0);
        if (budget.is_over(id)) {
            found.next = last; // all of them are this organisation's
            break;
        }
        last = id;
        if (!rows.boolean(3)) continue;
        found.dead.push_back({id, rows.string(1), rows.string(2)});
        if (found.dead.size() < most) continue;
        found.next = id;
        break;
    }
    return found;
}

// One page's worth of them, whole.
job_repository::JobPage read_look(OrganizationSession& tenant, const DeadFilter& filter) {
    const auto found = look(tenant, filter, filter.before, static_cast<std::size_t>(filter.limit), Order::newest);
    job_repository::JobPage page{{}, found.next};
    std::size_t bytes = 0;
    for (const auto& dead : found.dead) {
        auto job = job_repository::find(tenant, dead.id);
        if (!job) continue;
        bytes += job_repository::shown_bytes(*job);
        page.items.push_back(std::move(*job));
        if (bytes < most_page_bytes) continue;
        if (dead.id != found.dead.back().id) page.next = dead.id;
        break;
    }
    return page;
}

} // namespace

awaitable<Result<job_repository::JobPage>> DeadLetters::list(OrganizationId organization, DeadFilter filter) {
    auto look = [](OrganizationSession& tenant, const DeadFilter& from) { return read_look(tenant, from); };
    return read_page(database_, organization, std::move(filter), look);
}

awaitable<Result<DeadLetters::Piece>> DeadLetters::find(OrganizationId organization, DeadFilter filter,
                                                        std::optional<JobId> cursor) {
    auto task = [filter = std::move(filter), cursor](OrganizationSession& tenant) -> Result<Piece> {
        return look(tenant, filter, cursor, piece_size, Order::oldest);
    };
    co_return co_await database_.read(organization, std::move(task));
}

awaitable<Result<std::size_t>> DeadLetters::count(OrganizationId organization, DeadFilter filter) {
    std::size_t count = 0;
    std::optional<JobId> cursor;
    do {
        const auto piece = co_await find(organization, filter, cursor);
        if (!piece) co_return piece.error();
        count += piece->dead.size();
        cursor = piece->next;
    } while (cursor);
    co_return count;
}

// Found on a reader, put back on the writer: a filter that fits nothing costs the writer nothing.
awaitable<Result<std::size_t>> DeadLetters::replay(values::Principal who, Replay replay) {
    std::size_t count = 0;
    if (replay.payload && job_blobs::may_name(*replay.payload))
        if (const auto blobs = job_blobs::named(parse_json(*replay.payload).value()); !blobs) co_return blobs.error();
    const Timestamp begin = clock_.now();
    // What dies again while this goes on is not replayed twice.
    if (!replay.filter.died_before || *replay.filter.died_before > begin) replay.filter.died_before = begin;
    std::optional<JobId> cursor;
    do {
        auto piece = co_await find(who.organization, replay.filter, cursor);
        if (!piece) co_return piece.error();
        cursor = piece->next;
        std::size_t refused = 0;
        for (std::size_t from = 0; from < piece->dead.size();) {
            auto done = co_await replay_some(who, replay, begin, count, piece->rest(from));
            if (!done) co_return done.error();
            from += done->looked_at;
            refused += done->refused;
            count += done->replayed;
            crash_point("replay.before_next_piece");
            if (done->refusal) {
                auto& why = *done->refusal;
                if (count > 0) why.detail = fmt::format("{} were replayed; then {}", count, why.detail);
                co_return why;
            }
        }
        if (refused > 0 && count == 0)
            co_return Error{Code::unprocessable,
                            "the payload is not one that these jobs can have; nothing was replayed"};
    } while (cursor);
    co_return count;
}

awaitable<Result<DeadLetters::Done>> DeadLetters::replay_some(values::Principal who, Replay replay, Timestamp begin,
                                                              std::size_t count, std::vector<Dead> dead) {
    std::optional<json::value> payload; // parsed here, and not by the writer for each letter
    if (replay.payload) payload = parse_json(*replay.payload).value();
    auto task = [this, who, replay = std::move(replay), payload = std::move(payload), begin, count,
                 dead = std::move(dead), now = clock_.now()](OrganizationSession& tenant) -> Result<Done> {
        Done done;
        Settled settled;
        Admitted beside;
        for (store::Turn turn; done.looked_at < dead.size() && turn.takes_another();) {
            const auto& [id, kind, queue] = dead[done.looked_at];
            if (auto admitted = dispatcher_.admits_again(who.organization, queue, kind, beside); !admitted) {
                done.refusal = admitted.error();
                break;
            }
            ++done.looked_at;
            const auto* processor = payload ? dispatcher_.processor(kind) : nullptr;
            if (processor && !processor->check(who.organization, *payload)) {
                ++done.refused;
                continue;
            }
            if (!tenant.query(is_dead_since, {id, *replay.filter.died_before}).next()) continue; // somebody was faster
            Timestamp due = now;
            if (replay.rate_per_second) {
                const double after = static_cast<double>(count + done.replayed) / *replay.rate_per_second;
                due = std::max(now, begin + std::chrono::microseconds{static_cast<std::int64_t>(after * 1e6)});
            }
            // One whose unique key another job holds, or whose parent has failed, stays where it is.
            if (auto moved = replay_job(tenant, id, due, replay.payload, now)) {
                settled.jobs.push_back(std::move(*moved));
                ++done.replayed;
                ++beside.all;
                ++beside.of_queue[queue];
            }
        }
        publish(tenant, std::move(settled));
        return done;
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

awaitable<Result<std::size_t>> DeadLetters::purge(values::Principal who, DeadFilter filter) {
    std::size_t count = 0;
    const auto died_before = filter.died_before.value_or(Timestamp{std::numeric_limits<std::int64_t>::max()});
    std::optional<JobId> cursor;
    do {
        auto piece = co_await find(who.organization, filter, cursor);
        if (!piece) co_return piece.error();
        cursor = piece->next;
        for (std::size_t from = 0; from < piece->dead.size();) {
            auto done = co_await purge_some(who, died_before, piece->rest(from));
            if (!done) co_return done.error();
            from += done->looked_at;
            count += done->deleted;
            crash_point("purge.before_next_piece");
        }
    } while (cursor);
    co_return count;
}

awaitable<Result<DeadLetters::Done>> DeadLetters::purge_some(values::Principal who, Timestamp died_before,
                                                             std::vector<Dead> dead) {
    auto task = [died_before, dead = std::move(dead), now = clock_.now()](OrganizationSession& tenant) -> Result<Done> {
        crash_point("purge.before_delete");
        Done done;
        Settled settled;
        for (store::Turn turn; done.looked_at < dead.size() && turn.takes_another();) {
            const auto id = dead[done.looked_at++].id;
            if (!tenant.query(is_dead_since, {id, died_before}).next()) continue; // somebody was faster
            purged(tenant, id, now, settled);
            done.deleted += static_cast<std::size_t>(tenant.execute(delete_job, {id}));
            tenant.execute(delete_attempts, {id});
            tenant.execute(delete_dependencies, {id});
            job_blobs::forget(tenant.system(), id, now);
        }
        publish(tenant, std::move(settled));
        return done;
    };
    co_return co_await database_.write(who.organization, std::move(task));
}

} // namespace millrace::jobs
