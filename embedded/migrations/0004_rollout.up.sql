-- Who answers for a model, and who did before: the last revision is the present one. A model without any is answered for by
-- its production version alone.
CREATE TABLE model_traffic (
    organization_id TEXT NOT NULL,
    model           TEXT NOT NULL,
    revision        INTEGER NOT NULL,
    traffic         TEXT NOT NULL,    -- JSON, as PUT /api/v1/models/{name}/traffic takes it
    stands_for      INTEGER NOT NULL, -- the revision that it returned to; its own where it is new
    reason          TEXT NOT NULL,
    set_by          TEXT NOT NULL,
    set_at          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, model, revision),
    FOREIGN KEY (organization_id, model) REFERENCES models (organization_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What the versions did, in pieces of ten minutes; kept for a day.
CREATE TABLE model_statistics (
    organization_id TEXT NOT NULL,
    model           TEXT NOT NULL,
    version         INTEGER NOT NULL,
    since           INTEGER NOT NULL,
    counts          TEXT NOT NULL,    -- JSON
    PRIMARY KEY (organization_id, model, version, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_statistics_by_age ON model_statistics (since);

-- What a prediction should have been, told afterwards. It stays when its job is deleted.
CREATE TABLE feedback (
    organization_id TEXT NOT NULL,
    job_id          TEXT NOT NULL,
    model           TEXT NOT NULL,
    version         INTEGER NOT NULL,
    predicted       TEXT,
    actual          TEXT,
    correct         INTEGER NOT NULL,
    given_by        TEXT NOT NULL,
    given_at        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX feedback_by_version ON feedback (organization_id, model, version, correct);
