-- The complete queue. What has not ended stays in the hot table `jobs`, small whatever the past; what has ended moves to
-- `finished_jobs` in the transaction that ends it. A submit appends to two B-trees: the rows and their ids, which are
-- ordered by time.
ALTER TABLE jobs RENAME TO jobs_before;
DROP INDEX jobs_unfinished;

CREATE TABLE jobs (
    id               TEXT NOT NULL PRIMARY KEY,
    organization_id  TEXT NOT NULL,
    created_by       TEXT NOT NULL,            -- the key; empty: the admin socket or the daemon itself
    kind             TEXT NOT NULL,
    queue            TEXT NOT NULL,
    resource         TEXT NOT NULL,            -- what it needs besides a slot, such as a model; empty: nothing
    state            TEXT NOT NULL,            -- scheduled, blocked, queued or running
    priority         INTEGER NOT NULL,
    payload          TEXT NOT NULL,
    tags             TEXT NOT NULL,
    attempt          INTEGER NOT NULL,         -- attempts begun
    max_attempts     INTEGER NOT NULL,
    replayed_after   INTEGER NOT NULL DEFAULT 0, -- attempts begun before it was last replayed: they count no more
    timeout_us       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    run_at           INTEGER NOT NULL,         -- when it became, or becomes, ready
    retry            TEXT,                     -- a retry policy of its own, as JSON
    expires_at       INTEGER,                  -- not begun by then: expired
    deadline_at      INTEGER,                  -- not ended by then: expired, even while it runs
    unique_key       TEXT,
    flow_id          TEXT,
    flow_ref         TEXT,                     -- its name within the flow
    blocked_by       INTEGER NOT NULL DEFAULT 0, -- parents that it still waits for
    started_at       INTEGER,
    lease_token      INTEGER,
    lease_us         INTEGER,                  -- of an external worker's lease; NULL: it runs in the daemon
    worker           TEXT,                     -- the external worker's name
    progress_percent INTEGER NOT NULL DEFAULT 0,
    error_code       TEXT,                     -- of the last failed attempt
    error_message    TEXT
) STRICT;

CREATE TABLE finished_jobs (
    id               TEXT NOT NULL PRIMARY KEY,
    organization_id  TEXT NOT NULL,
    created_by       TEXT NOT NULL,
    kind             TEXT NOT NULL,
    queue            TEXT NOT NULL,
    resource         TEXT NOT NULL,
    state            TEXT NOT NULL,            -- succeeded, dead, cancelled or expired
    priority         INTEGER NOT NULL,
    payload          TEXT NOT NULL,
    tags             TEXT NOT NULL,
    attempt          INTEGER NOT NULL,
    max_attempts     INTEGER NOT NULL,
    replayed_after   INTEGER NOT NULL DEFAULT 0, -- attempts begun before it was last replayed: they count no more
    timeout_us       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    run_at           INTEGER NOT NULL,
    retry            TEXT,
    expires_at       INTEGER,
    deadline_at      INTEGER,
    unique_key       TEXT,
    flow_id          TEXT,
    flow_ref         TEXT,
    started_at       INTEGER,
    worker           TEXT,
    progress_percent INTEGER NOT NULL DEFAULT 0,
    error_code       TEXT,
    error_message    TEXT,
    result           TEXT,
    finished_at      INTEGER NOT NULL
) STRICT;

INSERT INTO jobs (id, organization_id, created_by, kind, queue, resource, state, priority, payload, tags, attempt, max_attempts, timeout_us,
                  created_at, run_at, started_at, lease_token, progress_percent, error_code, error_message)
SELECT id, organization_id, coalesce(created_by, ''), kind, queue, '', state, priority, payload, tags, attempt, max_attempts, timeout_us,
       created_at, run_at, started_at, lease_token, progress_percent, error_code, error_message
FROM jobs_before WHERE finished_at IS NULL ORDER BY id;
INSERT INTO finished_jobs (id, organization_id, created_by, kind, queue, resource, state, priority, payload, tags, attempt, max_attempts,
                           timeout_us, created_at, run_at, started_at, progress_percent, error_code, error_message, result, finished_at)
SELECT id, organization_id, coalesce(created_by, ''), kind, queue, '', state, priority, payload, tags, attempt, max_attempts,
       timeout_us, created_at, run_at, started_at, progress_percent, error_code, error_message, result, finished_at
FROM jobs_before WHERE finished_at IS NOT NULL ORDER BY id;
DROP TABLE jobs_before;

-- The dead letters, and the jobs of a flow. A submit or an end that has nothing to do with them pays one comparison.
CREATE INDEX dead_letters ON finished_jobs (organization_id, id) WHERE state = 'dead';
CREATE INDEX jobs_by_flow ON jobs (flow_id) WHERE flow_id IS NOT NULL;
CREATE INDEX finished_jobs_by_flow ON finished_jobs (flow_id) WHERE flow_id IS NOT NULL;

-- The settings of the queues that somebody has set; any other name is a queue with none.
CREATE TABLE queues (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    settings        TEXT NOT NULL,  -- JSON, as PUT /api/v1/queues/{q} takes it
    paused_at       INTEGER,        -- NULL: not paused
    paused_until    INTEGER,
    paused_by       TEXT,
    pause_reason    TEXT,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, name)
) STRICT, WITHOUT ROWID;

-- What has ended, counted as it ends: totals and mean run times need no look at the past.
CREATE TABLE job_totals (
    organization_id TEXT NOT NULL,
    queue           TEXT NOT NULL,
    kind            TEXT NOT NULL,
    state           TEXT NOT NULL,
    jobs            INTEGER NOT NULL,
    run_us          INTEGER NOT NULL, -- time of the last attempts, summed
    PRIMARY KEY (organization_id, queue, kind, state)
) STRICT, WITHOUT ROWID;
INSERT INTO job_totals (organization_id, queue, kind, state, jobs, run_us)
SELECT organization_id, queue, kind, state, count(*), sum(CASE WHEN started_at IS NULL THEN 0 ELSE max(finished_at - started_at, 0) END)
FROM finished_jobs GROUP BY organization_id, queue, kind, state;

CREATE TABLE job_dependencies (
    parent_id       TEXT NOT NULL,
    job_id          TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    on_failure      TEXT NOT NULL, -- fail, ignore or wait
    settled         INTEGER NOT NULL DEFAULT 0, -- the job no longer waits for this parent
    PRIMARY KEY (parent_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_dependencies_by_job ON job_dependencies (job_id);

-- A set of jobs submitted as one document, with a progress of its own.
CREATE TABLE flows (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    callback_job_id TEXT,
    jobs            INTEGER NOT NULL,           -- the callback not counted
    succeeded       INTEGER NOT NULL DEFAULT 0,
    failed          INTEGER NOT NULL DEFAULT 0, -- dead, cancelled or expired
    finished_at     INTEGER
) STRICT;

-- The last job that was made with a unique key.
CREATE TABLE unique_keys (
    organization_id TEXT NOT NULL,
    unique_key      TEXT NOT NULL,
    job_id          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, unique_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX unique_keys_by_age ON unique_keys (created_at);

CREATE TABLE schedules (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    cron            TEXT NOT NULL,
    time_zone       TEXT NOT NULL,
    missed          TEXT NOT NULL,  -- skip, run_once or run_all
    job             TEXT NOT NULL,  -- the job to submit, as JSON
    created_by      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    paused_at       INTEGER,
    next_run_at     INTEGER,        -- NULL: never again
    last_run_at     INTEGER,        -- the planned time, not the actual
    last_job_id     TEXT,
    last_error      TEXT,           -- why the last firing gave no job
    UNIQUE (organization_id, name)
) STRICT;
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE paused_at IS NULL AND next_run_at IS NOT NULL;

-- What operators want to hear of, in the order of the ids: a dead letter, an open breaker, a paused queue.
CREATE TABLE events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id TEXT NOT NULL,
    type            TEXT NOT NULL,  -- job.dead, breaker.opened …
    subject         TEXT NOT NULL,  -- the id or name of what it is about
    data            TEXT NOT NULL,  -- JSON
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_age ON events (created_at);

-- Shares of the queue between keys, and between organisations: one with weight 3 gets three jobs begun for each one
-- of another's with weight 1, while both wait.
ALTER TABLE keys ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
ALTER TABLE organizations ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;
