-- What a candidate and its production version did since the traffic was set, in pieces of a minute, so that a restart keeps the
-- judgement. Written every second at most while there is a candidate; a new traffic ends it.
CREATE TABLE model_contests (
    organization_id TEXT NOT NULL,
    model           TEXT NOT NULL,
    revision        INTEGER NOT NULL, -- of model_traffic
    side            TEXT NOT NULL,    -- production, candidate, or before: production until the traffic was set
    since           INTEGER NOT NULL,
    counts          TEXT NOT NULL,    -- JSON
    PRIMARY KEY (organization_id, model, revision, side, since),
    FOREIGN KEY (organization_id, model) REFERENCES models (organization_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
