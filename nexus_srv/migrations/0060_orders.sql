-- Every order of a list that may be long walks an index, and what is found as a whole is found by one.
CREATE INDEX asset_by_type ON asset (type, id);
CREATE INDEX asset_of_type ON asset (type, name_form, id);
CREATE INDEX asset_by_backup ON asset (backup_bytes, id);
CREATE INDEX asset_created ON asset (created_at, id);
CREATE INDEX contact_created ON contact (created_at, id);
CREATE INDEX company_by_known_id ON company (external_id);
CREATE INDEX contact_by_known_id ON contact (external_id);
CREATE INDEX location_by_known_id ON location (external_id);
CREATE INDEX asset_by_known_id ON asset (external_id);
