-- The files beside a model that its manifest names: vocabularies, tokenizers, labels.
ALTER TABLE model_versions ADD COLUMN files TEXT NOT NULL DEFAULT '[]'; -- JSON: [{"name","sha256","size"}], by name
