-- Candidates are judged anew.
DROP TABLE model_contests;
