-- The complete registry: what the trial of a version found out, who signed it, and its manifest as it was pushed. Versions from
-- before have a manifest in its normal form alone, and are TorchScript.
ALTER TABLE model_versions ADD COLUMN manifest_file TEXT;    -- byte for byte: a signature is over it
ALTER TABLE model_versions ADD COLUMN format TEXT NOT NULL DEFAULT 'torchscript';
ALTER TABLE model_versions ADD COLUMN trial TEXT;            -- JSON; NULL: there was no runtime to try it with
ALTER TABLE model_versions ADD COLUMN signature TEXT;        -- base64
ALTER TABLE model_versions ADD COLUMN signer TEXT;           -- the id of the trusted key
