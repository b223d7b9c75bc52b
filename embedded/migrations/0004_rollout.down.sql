-- Each model is answered for by its production version alone; statistics and feedback are lost.
DROP TABLE feedback;
DROP TABLE model_statistics;
DROP TABLE model_traffic;
