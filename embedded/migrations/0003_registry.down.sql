-- Signatures and reports of trials are lost; the versions stay.
ALTER TABLE model_versions DROP COLUMN signer;
ALTER TABLE model_versions DROP COLUMN signature;
ALTER TABLE model_versions DROP COLUMN trial;
ALTER TABLE model_versions DROP COLUMN format;
ALTER TABLE model_versions DROP COLUMN manifest_file;
