DROP INDEX unsettled_parents_by_age;
DROP TABLE schedule_blobs;
