-- Words of at least three letters are found anywhere in what is searched in: an index of all runs of three letters, which SQLite's FTS5 keeps
-- under numbers. Words begin after a space, so that a number of two digits is found where a word begins with it. Beside what is searched in it holds
-- the name of the company of a device or a location, and a device's addresses.

CREATE TABLE company_number (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE REFERENCES company (id) ON DELETE CASCADE
);
CREATE VIRTUAL TABLE company_trigram USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'trigram');
INSERT INTO company_number (id) SELECT id FROM company;
INSERT INTO company_trigram (rowid, text) SELECT numbered.number, ' ' || company.search
FROM company_number numbered JOIN company ON company.id = numbered.id;
CREATE TRIGGER company_insert_is_found AFTER INSERT ON company
BEGIN
    INSERT INTO company_number (id) VALUES (NEW.id);
    INSERT INTO company_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search
    FROM company_number numbered WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER company_update_is_found AFTER UPDATE ON company
WHEN OLD.search IS NOT NEW.search
BEGIN
    DELETE FROM company_trigram WHERE rowid = (SELECT number FROM company_number WHERE id = NEW.id);
    INSERT INTO company_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search
    FROM company_number numbered WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER company_delete_is_found BEFORE DELETE ON company
BEGIN
    DELETE FROM company_trigram WHERE rowid = (SELECT number FROM company_number WHERE id = OLD.id);
END;

CREATE TABLE contact_number (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE REFERENCES contact (id) ON DELETE CASCADE
);
CREATE VIRTUAL TABLE contact_trigram USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'trigram');
INSERT INTO contact_number (id) SELECT id FROM contact;
INSERT INTO contact_trigram (rowid, text) SELECT numbered.number, ' ' || contact.search
FROM contact_number numbered JOIN contact ON contact.id = numbered.id;
CREATE TRIGGER contact_insert_is_found AFTER INSERT ON contact
BEGIN
    INSERT INTO contact_number (id) VALUES (NEW.id);
    INSERT INTO contact_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search
    FROM contact_number numbered WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER contact_update_is_found AFTER UPDATE ON contact
WHEN OLD.search IS NOT NEW.search
BEGIN
    DELETE FROM contact_trigram WHERE rowid = (SELECT number FROM contact_number WHERE id = NEW.id);
    INSERT INTO contact_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search
    FROM contact_number numbered WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER contact_delete_is_found BEFORE DELETE ON contact
BEGIN
    DELETE FROM contact_trigram WHERE rowid = (SELECT number FROM contact_number WHERE id = OLD.id);
END;

CREATE TABLE location_number (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE REFERENCES location (id) ON DELETE CASCADE
);
CREATE VIRTUAL TABLE location_trigram USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'trigram');
INSERT INTO location_number (id) SELECT id FROM location;
INSERT INTO location_trigram (rowid, text) SELECT numbered.number, ' ' || location.search || ' ' || company.name_form
FROM location_number numbered JOIN location ON location.id = numbered.id JOIN company ON company.id = location.company_id;
CREATE TRIGGER location_insert_is_found AFTER INSERT ON location
BEGIN
    INSERT INTO location_number (id) VALUES (NEW.id);
    INSERT INTO location_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search || ' ' || company.name_form
    FROM location_number numbered JOIN company ON company.id = NEW.company_id WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER location_update_is_found AFTER UPDATE ON location
WHEN OLD.search IS NOT NEW.search OR OLD.company_id IS NOT NEW.company_id
BEGIN
    DELETE FROM location_trigram WHERE rowid = (SELECT number FROM location_number WHERE id = NEW.id);
    INSERT INTO location_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search || ' ' || company.name_form
    FROM location_number numbered JOIN company ON company.id = NEW.company_id WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER location_delete_is_found BEFORE DELETE ON location
BEGIN
    DELETE FROM location_trigram WHERE rowid = (SELECT number FROM location_number WHERE id = OLD.id);
END;

CREATE TABLE asset_number (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE REFERENCES asset (id) ON DELETE CASCADE
);
CREATE VIRTUAL TABLE asset_trigram USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'trigram');
INSERT INTO asset_number (id) SELECT id FROM asset;
INSERT INTO asset_trigram (rowid, text) SELECT numbered.number, ' ' || asset.search || ' ' || company.name_form || ' ' || asset.ip_addresses || ' ' || asset.mac_addresses
FROM asset_number numbered JOIN asset ON asset.id = numbered.id JOIN company ON company.id = asset.company_id;
CREATE TRIGGER asset_insert_is_found AFTER INSERT ON asset
BEGIN
    INSERT INTO asset_number (id) VALUES (NEW.id);
    INSERT INTO asset_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search || ' ' || company.name_form || ' ' || NEW.ip_addresses || ' ' || NEW.mac_addresses
    FROM asset_number numbered JOIN company ON company.id = NEW.company_id WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER asset_update_is_found AFTER UPDATE ON asset
WHEN OLD.search IS NOT NEW.search OR OLD.company_id IS NOT NEW.company_id
    OR OLD.ip_addresses IS NOT NEW.ip_addresses OR OLD.mac_addresses IS NOT NEW.mac_addresses
BEGIN
    DELETE FROM asset_trigram WHERE rowid = (SELECT number FROM asset_number WHERE id = NEW.id);
    INSERT INTO asset_trigram (rowid, text) SELECT numbered.number, ' ' || NEW.search || ' ' || company.name_form || ' ' || NEW.ip_addresses || ' ' || NEW.mac_addresses
    FROM asset_number numbered JOIN company ON company.id = NEW.company_id WHERE numbered.id = NEW.id;
END;
CREATE TRIGGER asset_delete_is_found BEFORE DELETE ON asset
BEGIN
    DELETE FROM asset_trigram WHERE rowid = (SELECT number FROM asset_number WHERE id = OLD.id);
END;

-- A company's other name is that of its locations and devices too.
CREATE TRIGGER company_name_is_found AFTER UPDATE ON company
WHEN OLD.name_form IS NOT NEW.name_form
BEGIN
    DELETE FROM location_trigram WHERE rowid IN (
        SELECT number FROM location_number numbered JOIN location ON location.id = numbered.id WHERE location.company_id = NEW.id
    );
    INSERT INTO location_trigram (rowid, text) SELECT numbered.number, ' ' || location.search || ' ' || NEW.name_form
    FROM location JOIN location_number numbered ON numbered.id = location.id WHERE location.company_id = NEW.id;
    DELETE FROM asset_trigram WHERE rowid IN (
        SELECT number FROM asset_number numbered JOIN asset ON asset.id = numbered.id WHERE asset.company_id = NEW.id
    );
    INSERT INTO asset_trigram (rowid, text) SELECT numbered.number, ' ' || asset.search || ' ' || NEW.name_form || ' ' || asset.ip_addresses || ' ' || asset.mac_addresses
    FROM asset JOIN asset_number numbered ON numbered.id = asset.id WHERE asset.company_id = NEW.id;
END;
