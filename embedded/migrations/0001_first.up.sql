-- Text ids (UUIDv7 in canonical form), times in integer microseconds since 1970 UTC, JSON as text. Every row that
-- belongs to someone names its organisation.
CREATE TABLE organizations (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO organizations (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000001', 'default', 0);

CREATE TABLE keys (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    role            TEXT NOT NULL,
    secret_sha256   TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    revoked_at      INTEGER,
    last_used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id_sha256       TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    key_id          TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_key ON sessions (key_id);

-- The busiest table. A submit appends to three B-trees: the rows, the ids (which are ordered by time) and the one
-- partial index. No foreign key: its check would cost every submit a look-up, and the organisation comes from the
-- caller's own key.
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
-- What has not ended, for the rebuild of the ready queue at start; a query must say `finished_at IS NULL` to use it.
-- (A condition on a list of states would make every write build that list anew: it doubles the cost of a submit.)
CREATE INDEX jobs_unfinished ON jobs (run_at) WHERE finished_at IS NULL;

CREATE TABLE job_attempts (
    job_id          TEXT NOT NULL,
    attempt         INTEGER NOT NULL,
    organization_id TEXT NOT NULL,
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER NOT NULL,
    outcome         TEXT NOT NULL,
    error_code      TEXT,
    error_message   TEXT,
    PRIMARY KEY (job_id, attempt)
) STRICT, WITHOUT ROWID;

-- The answer that a repeated request gets again.
CREATE TABLE idempotency_keys (
    organization_id TEXT NOT NULL,
    scope           TEXT NOT NULL,
    key             TEXT NOT NULL,
    payload_sha256  TEXT NOT NULL,
    job_id          TEXT,
    response_status INTEGER,
    response_body   TEXT,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE blobs (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    sha256          TEXT NOT NULL,
    size            INTEGER NOT NULL,
    media_type      TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    tier            TEXT NOT NULL DEFAULT 'hot',
    PRIMARY KEY (organization_id, sha256)
) STRICT, WITHOUT ROWID;
-- One file may be the blob of several organisations.
CREATE INDEX blobs_by_digest ON blobs (sha256);

CREATE TABLE models (
    organization_id    TEXT NOT NULL REFERENCES organizations (id),
    name               TEXT NOT NULL,
    production_version INTEGER,
    next_version       INTEGER NOT NULL DEFAULT 1, -- a deleted number is never given again
    created_at         INTEGER NOT NULL,
    PRIMARY KEY (organization_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE model_versions (
    organization_id TEXT NOT NULL,
    model           TEXT NOT NULL,
    version         INTEGER NOT NULL,
    sha256          TEXT NOT NULL,
    size            INTEGER NOT NULL,
    manifest        TEXT NOT NULL,
    state           TEXT NOT NULL,
    reason          TEXT,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, model, version),
    FOREIGN KEY (organization_id, model) REFERENCES models (organization_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
