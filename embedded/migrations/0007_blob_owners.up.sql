-- What a blob is kept for, and until when. Those that are here already stay until somebody deletes them.
ALTER TABLE blobs ADD COLUMN owner TEXT NOT NULL DEFAULT 'user'; -- user: until it is deleted; job: as long as a job refers to it; prediction: for a time
ALTER TABLE blobs ADD COLUMN expires_at INTEGER;                 -- NULL: not yet; then it goes, unless a job refers to it
CREATE INDEX blobs_expiring ON blobs (expires_at) WHERE expires_at IS NOT NULL;

-- The blobs that a job's payload names, and those that its result brought. They go with the job.
CREATE TABLE job_blobs (
    job_id          TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    PRIMARY KEY (job_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_blobs_by_blob ON job_blobs (organization_id, sha256);
INSERT INTO job_blobs (job_id, sha256, organization_id)
SELECT DISTINCT j.id, t.value, j.organization_id
FROM (SELECT id, organization_id, payload FROM jobs WHERE payload LIKE '%"blob"%' AND json_valid(payload)) AS j, json_tree(j.payload) AS t
WHERE t.key = 'blob' AND t.type = 'text' AND length(t.value) = 64;

-- Files that no organisation has any more, until they are removed from the disk.
CREATE TABLE blob_removals (
    sha256 TEXT NOT NULL PRIMARY KEY,
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
