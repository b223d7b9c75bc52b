-- Every blob stays until somebody deletes it.
DROP TABLE blob_removals;
DROP TABLE job_blobs;
DROP INDEX blobs_expiring;
ALTER TABLE blobs DROP COLUMN expires_at;
ALTER TABLE blobs DROP COLUMN owner;
