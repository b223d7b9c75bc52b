-- The tables on PostgreSQL, as the steps 1 to 9 beside this folder leave them on SQLite: what each column holds is said
-- there. From here on each step has a file for either database, with the same number; a test compares what comes of them
-- column by column. Integers are 64 bits wide, as on SQLite; texts compare by their bytes, whatever the database's
-- collation.

-- The daemons on this database, by their names. Only on PostgreSQL: store/postgres/node_row.hpp.
CREATE TABLE nodes (
    node     TEXT COLLATE "C" NOT NULL,
    epoch    BIGINT NOT NULL, -- starts of the daemon: an earlier one writes no more
    group_no BIGINT NOT NULL, -- of the last group of writes that was committed
    PRIMARY KEY (node)
);

CREATE TABLE organizations (
    id         TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    weight     BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    UNIQUE (name)
);

INSERT INTO organizations (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000001', 'default', 0);

CREATE TABLE keys (
    id              TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    role            TEXT COLLATE "C" NOT NULL,
    secret_sha256   TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT,
    revoked_at      BIGINT,
    last_used_at    BIGINT,
    weight          BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (id),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

CREATE TABLE sessions (
    id_sha256       TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    key_id          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    last_used_at    BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (id_sha256),
    FOREIGN KEY (key_id) REFERENCES keys (id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX sessions_by_key ON sessions (key_id);

CREATE TABLE jobs (
    id               TEXT COLLATE "C" NOT NULL,
    organization_id  TEXT COLLATE "C" NOT NULL,
    created_by       TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    queue            TEXT COLLATE "C" NOT NULL,
    resource         TEXT COLLATE "C" NOT NULL,
    state            TEXT COLLATE "C" NOT NULL,
    priority         BIGINT NOT NULL,
    payload          TEXT COLLATE "C" NOT NULL,
    tags             TEXT COLLATE "C" NOT NULL,
    attempt          BIGINT NOT NULL,
    max_attempts     BIGINT NOT NULL,
    replayed_after   BIGINT NOT NULL DEFAULT 0,
    timeout_us       BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    run_at           BIGINT NOT NULL,
    retry            TEXT COLLATE "C",
    expires_at       BIGINT,
    deadline_at      BIGINT,
    unique_key       TEXT COLLATE "C",
    flow_id          TEXT COLLATE "C",
    flow_ref         TEXT COLLATE "C",
    blocked_by       BIGINT NOT NULL DEFAULT 0,
    started_at       BIGINT,
    lease_token      BIGINT,
    lease_us         BIGINT,
    worker           TEXT COLLATE "C",
    progress_percent BIGINT NOT NULL DEFAULT 0,
    error_code       TEXT COLLATE "C",
    error_message    TEXT COLLATE "C",
    PRIMARY KEY (id)
);
CREATE INDEX jobs_by_flow ON jobs (flow_id) WHERE flow_id IS NOT NULL;

CREATE TABLE finished_jobs (
    id               TEXT COLLATE "C" NOT NULL,
    organization_id  TEXT COLLATE "C" NOT NULL,
    created_by       TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    queue            TEXT COLLATE "C" NOT NULL,
    resource         TEXT COLLATE "C" NOT NULL,
    state            TEXT COLLATE "C" NOT NULL,
    priority         BIGINT NOT NULL,
    payload          TEXT COLLATE "C" NOT NULL,
    tags             TEXT COLLATE "C" NOT NULL,
    attempt          BIGINT NOT NULL,
    max_attempts     BIGINT NOT NULL,
    replayed_after   BIGINT NOT NULL DEFAULT 0,
    timeout_us       BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    run_at           BIGINT NOT NULL,
    retry            TEXT COLLATE "C",
    expires_at       BIGINT,
    deadline_at      BIGINT,
    unique_key       TEXT COLLATE "C",
    flow_id          TEXT COLLATE "C",
    flow_ref         TEXT COLLATE "C",
    started_at       BIGINT,
    worker           TEXT COLLATE "C",
    progress_percent BIGINT NOT NULL DEFAULT 0,
    error_code       TEXT COLLATE "C",
    error_message    TEXT COLLATE "C",
    result           TEXT COLLATE "C",
    finished_at      BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX dead_letters ON finished_jobs (organization_id, id) WHERE state = 'dead';
CREATE INDEX finished_jobs_by_flow ON finished_jobs (flow_id) WHERE flow_id IS NOT NULL;
CREATE INDEX finished_jobs_by_end ON finished_jobs (state, finished_at, id) WHERE state <> 'succeeded';

CREATE TABLE job_attempts (
    job_id          TEXT COLLATE "C" NOT NULL,
    attempt         BIGINT NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    started_at      BIGINT NOT NULL,
    ended_at        BIGINT NOT NULL,
    outcome         TEXT COLLATE "C" NOT NULL,
    error_code      TEXT COLLATE "C",
    error_message   TEXT COLLATE "C",
    PRIMARY KEY (job_id, attempt)
);

CREATE TABLE job_dependencies (
    parent_id       TEXT COLLATE "C" NOT NULL,
    job_id          TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    on_failure      TEXT COLLATE "C" NOT NULL,
    settled         BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (parent_id, job_id)
);
CREATE INDEX job_dependencies_by_job ON job_dependencies (job_id);

CREATE TABLE unsettled_parents (
    job_id          TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    ended           TEXT COLLATE "C" NOT NULL,
    settled_until   TEXT COLLATE "C" NOT NULL,
    since           BIGINT NOT NULL,
    PRIMARY KEY (job_id)
);
CREATE INDEX unsettled_parents_by_age ON unsettled_parents (since, job_id);

CREATE TABLE flows (
    id              TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    callback_job_id TEXT COLLATE "C",
    jobs            BIGINT NOT NULL,
    succeeded       BIGINT NOT NULL DEFAULT 0,
    failed          BIGINT NOT NULL DEFAULT 0,
    finished_at     BIGINT,
    PRIMARY KEY (id)
);

CREATE TABLE unique_keys (
    organization_id TEXT COLLATE "C" NOT NULL,
    unique_key      TEXT COLLATE "C" NOT NULL,
    job_id          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    forget_at       BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, unique_key)
);
CREATE INDEX unique_keys_by_end ON unique_keys (forget_at);

CREATE TABLE idempotency_keys (
    organization_id TEXT COLLATE "C" NOT NULL,
    scope           TEXT COLLATE "C" NOT NULL,
    key             TEXT COLLATE "C" NOT NULL,
    payload_sha256  TEXT COLLATE "C" NOT NULL,
    job_id          TEXT COLLATE "C",
    response_status BIGINT,
    response_body   TEXT COLLATE "C",
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, scope, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE job_totals (
    organization_id TEXT COLLATE "C" NOT NULL,
    queue           TEXT COLLATE "C" NOT NULL,
    kind            TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    jobs            BIGINT NOT NULL,
    run_us          BIGINT NOT NULL,
    PRIMARY KEY (organization_id, queue, kind, state)
);

CREATE TABLE queues (
    organization_id TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    settings        TEXT COLLATE "C" NOT NULL,
    paused_at       BIGINT,
    paused_until    BIGINT,
    paused_by       TEXT COLLATE "C",
    pause_reason    TEXT COLLATE "C",
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, name),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

CREATE TABLE schedules (
    id              TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    cron            TEXT COLLATE "C" NOT NULL,
    time_zone       TEXT COLLATE "C" NOT NULL,
    missed          TEXT COLLATE "C" NOT NULL,
    job             TEXT COLLATE "C" NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    paused_at       BIGINT,
    next_run_at     BIGINT,
    last_run_at     BIGINT,
    last_job_id     TEXT COLLATE "C",
    last_error      TEXT COLLATE "C",
    PRIMARY KEY (id),
    UNIQUE (organization_id, name),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE paused_at IS NULL AND next_run_at IS NOT NULL;

CREATE TABLE schedule_blobs (
    schedule_id     TEXT COLLATE "C" NOT NULL,
    sha256          TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (schedule_id, sha256)
);
CREATE INDEX schedule_blobs_by_blob ON schedule_blobs (organization_id, sha256);

CREATE TABLE events (
    id              BIGINT GENERATED BY DEFAULT AS IDENTITY NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    type            TEXT COLLATE "C" NOT NULL,
    subject         TEXT COLLATE "C" NOT NULL,
    data            TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX events_by_age ON events (created_at);

CREATE TABLE blobs (
    organization_id TEXT COLLATE "C" NOT NULL,
    sha256          TEXT COLLATE "C" NOT NULL,
    size            BIGINT NOT NULL,
    media_type      TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    tier            TEXT COLLATE "C" NOT NULL DEFAULT 'hot',
    owner           TEXT COLLATE "C" NOT NULL DEFAULT 'user',
    expires_at      BIGINT,
    PRIMARY KEY (organization_id, sha256),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);
CREATE INDEX blobs_by_digest ON blobs (sha256);
CREATE INDEX blobs_expiring ON blobs (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE job_blobs (
    job_id          TEXT COLLATE "C" NOT NULL,
    sha256          TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (job_id, sha256)
);
CREATE INDEX job_blobs_by_blob ON job_blobs (organization_id, sha256);

CREATE TABLE blob_removals (
    sha256 TEXT COLLATE "C" NOT NULL,
    since  BIGINT NOT NULL,
    PRIMARY KEY (sha256)
);

CREATE TABLE models (
    organization_id    TEXT COLLATE "C" NOT NULL,
    name               TEXT COLLATE "C" NOT NULL,
    production_version BIGINT,
    next_version       BIGINT NOT NULL DEFAULT 1,
    created_at         BIGINT NOT NULL,
    PRIMARY KEY (organization_id, name),
    FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

CREATE TABLE model_versions (
    organization_id TEXT COLLATE "C" NOT NULL,
    model           TEXT COLLATE "C" NOT NULL,
    version         BIGINT NOT NULL,
    sha256          TEXT COLLATE "C" NOT NULL,
    size            BIGINT NOT NULL,
    manifest        TEXT COLLATE "C" NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    reason          TEXT COLLATE "C",
    created_at      BIGINT NOT NULL,
    manifest_file   TEXT COLLATE "C",
    format          TEXT COLLATE "C" NOT NULL DEFAULT 'torchscript',
    trial           TEXT COLLATE "C",
    signature       TEXT COLLATE "C",
    signer          TEXT COLLATE "C",
    files           TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    PRIMARY KEY (organization_id, model, version),
    FOREIGN KEY (organization_id, model) REFERENCES models (organization_id, name) ON DELETE CASCADE
);

CREATE TABLE model_traffic (
    organization_id TEXT COLLATE "C" NOT NULL,
    model           TEXT COLLATE "C" NOT NULL,
    revision        BIGINT NOT NULL,
    traffic         TEXT COLLATE "C" NOT NULL,
    stands_for      BIGINT NOT NULL,
    reason          TEXT COLLATE "C" NOT NULL,
    set_by          TEXT COLLATE "C" NOT NULL,
    set_at          BIGINT NOT NULL,
    PRIMARY KEY (organization_id, model, revision),
    FOREIGN KEY (organization_id, model) REFERENCES models (organization_id, name) ON DELETE CASCADE
);

CREATE TABLE model_contests (
    organization_id TEXT COLLATE "C" NOT NULL,
    model           TEXT COLLATE "C" NOT NULL,
    revision        BIGINT NOT NULL,
    side            TEXT COLLATE "C" NOT NULL,
    since           BIGINT NOT NULL,
    counts          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, model, revision, side, since),
    FOREIGN KEY (organization_id, model) REFERENCES models (organization_id, name) ON DELETE CASCADE
);

CREATE TABLE model_statistics (
    organization_id TEXT COLLATE "C" NOT NULL,
    model           TEXT COLLATE "C" NOT NULL,
    version         BIGINT NOT NULL,
    since           BIGINT NOT NULL,
    counts          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, model, version, since)
);
CREATE INDEX model_statistics_by_age ON model_statistics (since);

CREATE TABLE feedback (
    organization_id TEXT COLLATE "C" NOT NULL,
    job_id          TEXT COLLATE "C" NOT NULL,
    model           TEXT COLLATE "C" NOT NULL,
    version         BIGINT NOT NULL,
    predicted       TEXT COLLATE "C",
    actual          TEXT COLLATE "C",
    correct         BIGINT NOT NULL,
    given_by        TEXT COLLATE "C" NOT NULL,
    given_at        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, job_id)
);
CREATE INDEX feedback_by_version ON feedback (organization_id, model, version, correct);
