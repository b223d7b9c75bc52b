// The columns of a job, in the order in which read_job() reads them: of the hot table and of the history.
#pragma once

#define MILLRACE_SHARED_COLUMNS(BLOCKED_BY)                                                                                         \
    "id, organization_id, created_by, kind, queue, resource, state, priority, payload, tags, attempt, max_attempts, timeout_us, "   \
    "created_at, run_at, retry, expires_at, deadline_at, unique_key, flow_id, flow_ref, " BLOCKED_BY ", started_at, worker, "       \
    "progress_percent, error_code, error_message"
#define MILLRACE_JOB_COLUMNS MILLRACE_SHARED_COLUMNS("blocked_by") ", NULL AS result, NULL AS finished_at"
#define MILLRACE_FINISHED_COLUMNS MILLRACE_SHARED_COLUMNS("0 AS blocked_by") ", result, finished_at"

// What a job takes with it from one table to the other.
#define MILLRACE_MOVING_COLUMNS                                                                                                     \
    "organization_id, created_by, kind, queue, resource, priority, tags, max_attempts, timeout_us, created_at, run_at, retry, "     \
    "expires_at, deadline_at, unique_key, flow_id, flow_ref, started_at, worker, attempt, replayed_after"
