-- How long a unique key is kept, which may be longer than a month where it was given with a longer period.
ALTER TABLE unique_keys ADD COLUMN forget_at INTEGER NOT NULL DEFAULT 0;
UPDATE unique_keys SET forget_at = created_at + 31622400000000; -- 366 days: nobody knows their periods
DROP INDEX unique_keys_by_age;
CREATE INDEX unique_keys_by_end ON unique_keys (forget_at);

-- What is kept for a time and has not succeeded, by the time of its end. Most jobs succeed: they pay one comparison.
CREATE INDEX finished_jobs_by_end ON finished_jobs (state, finished_at, id) WHERE state <> 'succeeded';

-- Jobs that have ended, and that more jobs wait for than one transaction settles: until all of them are settled.
CREATE TABLE unsettled_parents (
    job_id          TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    ended           TEXT NOT NULL, -- succeeded, failed or purged
    settled_until   TEXT NOT NULL, -- the last job that was settled, in the order of their ids; empty: none
    since           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
