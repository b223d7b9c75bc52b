DROP TABLE unsettled_parents;
DROP INDEX finished_jobs_by_end;
DROP INDEX unique_keys_by_end;
CREATE INDEX unique_keys_by_age ON unique_keys (created_at);
ALTER TABLE unique_keys DROP COLUMN forget_at;
