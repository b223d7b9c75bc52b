-- An older program cannot run a version without its files: such versions are lost, and the traffic of their models with them.
DELETE FROM model_traffic WHERE EXISTS (SELECT 1 FROM model_versions AS v WHERE v.organization_id = model_traffic.organization_id
    AND v.model = model_traffic.model AND v.files <> '[]');
DELETE FROM model_versions WHERE files <> '[]';
UPDATE models SET production_version = (SELECT max(version) FROM model_versions AS v WHERE v.organization_id = models.organization_id AND v.model = models.name)
    WHERE production_version IS NOT NULL AND NOT EXISTS (SELECT 1 FROM model_versions AS v WHERE v.organization_id = models.organization_id
    AND v.model = models.name AND v.version = models.production_version);
ALTER TABLE model_versions DROP COLUMN files;
