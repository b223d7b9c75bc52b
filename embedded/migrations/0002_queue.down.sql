-- What the older version has no place for is lost: settings of queues, schedules, flows, events, unique keys. The jobs stay;
-- a blocked one waits no longer.
ALTER TABLE organizations DROP COLUMN weight;
ALTER TABLE keys DROP COLUMN weight;
DROP TABLE events;
DROP TABLE schedules;
DROP TABLE unique_keys;
DROP TABLE flows;
DROP TABLE job_dependencies;
DROP TABLE job_totals;
DROP TABLE queues;
ALTER TABLE jobs RENAME TO jobs_after;

CREATE TABLE jobs (
    id               TEXT NOT NULL PRIMARY KEY,
    organization_id  TEXT NOT NULL,
    kind             TEXT NOT NULL,
    queue            TEXT NOT NULL,
    state            TEXT NOT NULL,
    priority         INTEGER NOT NULL,
    payload          TEXT NOT NULL,
    tags             TEXT NOT NULL,
    attempt          INTEGER NOT NULL,
    max_attempts     INTEGER NOT NULL,
    timeout_us       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    run_at           INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER,
    lease_token      INTEGER,
    lease_until      INTEGER,
    kills            INTEGER NOT NULL DEFAULT 0,
    progress_percent INTEGER NOT NULL DEFAULT 0,
    result           TEXT,
    error_code       TEXT,
    error_message    TEXT,
    created_by       TEXT
) STRICT;

INSERT INTO jobs (id, organization_id, kind, queue, state, priority, payload, tags, attempt, max_attempts, timeout_us, created_at, run_at,
                  started_at, finished_at, lease_token, progress_percent, result, error_code, error_message, created_by)
SELECT id, organization_id, kind, queue, CASE state WHEN 'blocked' THEN 'queued' ELSE state END, priority, payload, tags, attempt,
       max_attempts, timeout_us, created_at, run_at, started_at, NULL, lease_token, progress_percent, NULL, error_code, error_message, created_by
FROM jobs_after
UNION ALL
SELECT id, organization_id, kind, queue, state, priority, payload, tags, attempt, max_attempts, timeout_us, created_at, run_at, started_at,
       finished_at, NULL, progress_percent, result, error_code, error_message, created_by
FROM finished_jobs
ORDER BY 1;
DROP TABLE jobs_after;
DROP TABLE finished_jobs;
CREATE INDEX jobs_unfinished ON jobs (run_at) WHERE finished_at IS NULL;
