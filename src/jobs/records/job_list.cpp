// The list of jobs by filter.
#include "jobs/job_repository.hpp"
#include "jobs/records/look.hpp"

#include <algorithm>

namespace millrace::jobs::job_repository {
namespace {

using values::JobState;
using store::Sql;
using store::OrganizationSession;

// Whether a row fits stands among its columns, not in WHERE: a look ends also where nothing fits. A CASE evaluates no
// more than it must, and what stands behind a large payload is expensive to read: it is asked for last.
#define MILLRACE_FITS                                                                                                 \
    "CASE WHEN organization_id = $1 AND ($3 = '' OR state = $3 OR ($3 = 'queued' AND state = 'scheduled' AND run_at " \
    "<= $4)) "                                                                                                        \
    "AND ($3 <> 'scheduled' OR run_at > $4) AND ($5 = '' OR kind = $5) AND ($6 = '' OR queue = $6) "                  \
    "AND (CAST($8 AS BIGINT) IS NULL OR created_at >= $8) AND (CAST($9 AS BIGINT) IS NULL OR created_at < $9) "       \
    "AND ($10 = '' OR flow_id = $10) "                                                                                \
    "AND " MILLRACE_HAS_TAG("$7") " THEN 1 ELSE 0 END"
#define MILLRACE_LOOK(TABLE, WHERE) \
    "SELECT id, " MILLRACE_FITS " AS fits FROM " TABLE " WHERE " WHERE " AND id < $2 AND id >= $11"
#define MILLRACE_NEWEST " ORDER BY id DESC"
// Both halves come in the order of their index and are merged.
constexpr Sql look_at_all{MILLRACE_LOOK("jobs", "1 = 1") " UNION ALL " MILLRACE_LOOK("finished_jobs", "1 = 1")
                              MILLRACE_NEWEST};
constexpr Sql look_at_open{MILLRACE_LOOK("jobs", "1 = 1") MILLRACE_NEWEST};
constexpr Sql look_at_ended{MILLRACE_LOOK("finished_jobs", "1 = 1") MILLRACE_NEWEST};
constexpr Sql look_at_dead{MILLRACE_LOOK("finished_jobs", "organization_id = $1 AND state = 'dead'") MILLRACE_NEWEST};
constexpr Sql look_at_flow{MILLRACE_LOOK("jobs", "flow_id = $10") " UNION ALL " MILLRACE_LOOK(
    "finished_jobs", "flow_id = $10") MILLRACE_NEWEST};

const Sql& look_for(const Filter& filter) {
    if (filter.flow) return look_at_flow;
    if (!filter.state) return look_at_all;
    if (!values::is_final(*filter.state)) return look_at_open;
    return *filter.state == JobState::dead ? look_at_dead : look_at_ended;
}

} // namespace

JobPage list(OrganizationSession& session, const Filter& filter, Timestamp now, int most_rows) {
    const std::string state{filter.state ? values::name(*filter.state) : ""};
    const std::string flow = filter.flow ? filter.flow->text() : "";
    // Above every id that begins so: g comes after all hexadecimal digits.
    const std::string end = filter.id_begins + "g";
    const std::string before = filter.before ? std::min(filter.before->text(), end) : end;
    auto rows = session.scan(look_for(filter), {before, state, now, filter.kind.value_or(""), filter.queue.value_or(""),
                                                filter.tag ? stored_tag(*filter.tag) : "", filter.created_after,
                                                filter.created_before, flow, filter.id_begins});
    JobPage page;
    Look look{most_rows};
    std::size_t bytes = 0;
    while (rows.next()) {
        const auto id = rows.id<JobId>(0);
        if (look.is_over(id)) {
            page.next = look.end();
            break;
        }
        auto job = rows.boolean(1) ? find(session, id) : std::nullopt;
        if (!job) continue;
        bytes += shown_bytes(*job);
        page.items.push_back(std::move(*job));
        if (static_cast<int>(page.items.size()) < filter.limit && bytes < most_page_bytes) continue;
        page.next = id;
        break;
    }
    return page;
}

} // namespace millrace::jobs::job_repository
