// The columns of a job, in the order in which read_job() reads them: of the hot table and of the history; and how its
// members stand in them.
#pragma once
#include "base/id.hpp"
#include "store/sql.hpp"

#include <cstdint>
#include <string>

#define MILLRACE_SHARED_COLUMNS(BLOCKED_BY)                                                                           \
    "id, organization_id, created_by, kind, queue, resource, state, priority, payload, tags, attempt, max_attempts, " \
    "timeout_us, "                                                                                                    \
    "created_at, run_at, retry, expires_at, deadline_at, unique_key, flow_id, flow_ref, " BLOCKED_BY                  \
    ", started_at, worker, "                                                                                          \
    "progress_percent, error_code, error_message"
#define MILLRACE_JOB_COLUMNS MILLRACE_SHARED_COLUMNS("blocked_by") ", NULL AS result, NULL AS finished_at"
#define MILLRACE_FINISHED_COLUMNS MILLRACE_SHARED_COLUMNS("0 AS blocked_by") ", result, finished_at"

// What a job takes with it from one table to the other.
#define MILLRACE_MOVING_COLUMNS                                                                                  \
    "organization_id, created_by, kind, queue, resource, priority, tags, max_attempts, timeout_us, created_at, " \
    "run_at, retry, "                                                                                            \
    "expires_at, deadline_at, unique_key, flow_id, flow_ref, started_at, worker, attempt, replayed_after"

namespace millrace::jobs {

inline store::Value id_or_empty(const ActorId& actor) {
    return actor.is_nil() ? store::Value{""} : store::Value{actor};
}
// Borrows the text.
inline store::Value text_or_null(const std::string& text) {
    return text.empty() ? store::Value{nullptr} : store::Value{text};
}
inline std::int64_t micros(double seconds) { return static_cast<std::int64_t>(seconds * 1e6); }

} // namespace millrace::jobs
