// The row that the benches of the store write: a job as a client submits it.
#pragma once

namespace millrace::bench {

inline constexpr const char* payload =
    R"({"model":"digits","input":{"blob":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}})";

inline constexpr char insert_job[] =
    "INSERT INTO jobs (organization_id, id, kind, queue, state, priority, payload, tags, attempt, max_attempts, "
    "timeout_us, "
    "created_at, run_at, created_by, resource) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, '', '')";

} // namespace millrace::bench
