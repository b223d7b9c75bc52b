-- The blobs that a schedule's job names: a blob that is to be deleted is looked up by its digest, not searched for in every job.
CREATE TABLE schedule_blobs (
    schedule_id     TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    PRIMARY KEY (schedule_id, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_blobs_by_blob ON schedule_blobs (organization_id, sha256);
INSERT INTO schedule_blobs (schedule_id, sha256, organization_id)
SELECT DISTINCT s.id, t.value, s.organization_id
FROM (SELECT id, organization_id, job FROM schedules WHERE job LIKE '%"blob"%' AND json_valid(job)) AS s, json_tree(s.job) AS t
WHERE t.key = 'blob' AND t.type = 'text' AND length(t.value) = 64;

-- The oldest of them is taken first.
CREATE INDEX unsettled_parents_by_age ON unsettled_parents (since, job_id);
