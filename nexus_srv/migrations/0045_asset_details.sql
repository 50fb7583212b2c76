-- What else is known of a device. `ip_addresses`, `mac_addresses` and `tags` hold several words with a space between them.
ALTER TABLE asset ADD COLUMN location_id TEXT CONSTRAINT asset_location REFERENCES location (id) ON DELETE SET NULL;
ALTER TABLE asset ADD COLUMN manufacturer TEXT NOT NULL DEFAULT '';
ALTER TABLE asset ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE asset ADD COLUMN ip_addresses TEXT NOT NULL DEFAULT '';
ALTER TABLE asset ADD COLUMN mac_addresses TEXT NOT NULL DEFAULT '';
ALTER TABLE asset ADD COLUMN purchased_on TEXT;
ALTER TABLE asset ADD COLUMN warranty_until TEXT;
ALTER TABLE asset ADD COLUMN tags TEXT NOT NULL DEFAULT '';
CREATE INDEX asset_by_location ON asset (location_id);
CREATE INDEX asset_by_serial ON asset (lower(serial));

-- An external id is found as a whole, by its own column: as a part of what is searched in it met nearly every number that people look for.
UPDATE asset SET search = substr(search, 1, length(search) - length(external_id) - 1)
WHERE external_id IS NOT NULL AND search LIKE '% ' || lower(replace(replace(replace(external_id, '\', '\\'), '%', '\%'), '_', '\_')) ESCAPE '\';
