-- Which rows of the directory are followed, and by which kind. `billing_facts` is what Nexus's billing summary says of a company (its id): it
-- changes only when one of those columns does. `user_scope` is which companies an account may see.
CREATE TRIGGER company_insert_touches AFTER INSERT ON company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'company', NEW.id;
END;
CREATE TRIGGER company_update_touches AFTER UPDATE ON company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'company', NEW.id;
END;
CREATE TRIGGER company_delete_touches AFTER DELETE ON company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'company', OLD.id;
END;

CREATE TRIGGER contact_insert_touches AFTER INSERT ON contact
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact', NEW.id;
END;
CREATE TRIGGER contact_update_touches AFTER UPDATE ON contact
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact', NEW.id;
END;
CREATE TRIGGER contact_delete_touches AFTER DELETE ON contact
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact', OLD.id;
END;

CREATE TRIGGER location_insert_touches AFTER INSERT ON location
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'location', NEW.id;
END;
CREATE TRIGGER location_update_touches AFTER UPDATE ON location
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'location', NEW.id;
END;
CREATE TRIGGER location_delete_touches AFTER DELETE ON location
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'location', OLD.id;
END;

CREATE TRIGGER asset_insert_touches AFTER INSERT ON asset
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'asset', NEW.id;
END;
CREATE TRIGGER asset_update_touches AFTER UPDATE ON asset
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'asset', NEW.id;
END;
CREATE TRIGGER asset_delete_touches AFTER DELETE ON asset
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'asset', OLD.id;
END;

CREATE TRIGGER account_insert_touches AFTER INSERT ON account
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user', NEW.id;
END;
CREATE TRIGGER account_update_touches AFTER UPDATE ON account
WHEN OLD.version IS NOT NEW.version
    OR OLD.updated_at IS NOT NEW.updated_at
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user', NEW.id;
END;
CREATE TRIGGER account_delete_touches AFTER DELETE ON account
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user', OLD.id;
END;

-- Who is at which company is part of the person.
CREATE TRIGGER contact_company_insert_touches AFTER INSERT ON contact_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact', NEW.contact_id;
END;
CREATE TRIGGER contact_company_update_touches AFTER UPDATE ON contact_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact', NEW.contact_id;
END;
CREATE TRIGGER contact_company_delete_touches AFTER DELETE ON contact_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact', OLD.contact_id;
END;

CREATE TRIGGER tombstone_insert_touches AFTER INSERT ON tombstone
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'tombstone', NEW.noun || '/' || NEW.id || '/' || NEW.company_id;
END;
CREATE TRIGGER tombstone_update_touches AFTER UPDATE ON tombstone
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'tombstone', NEW.noun || '/' || NEW.id || '/' || NEW.company_id;
END;

CREATE TRIGGER company_insert_changes_facts AFTER INSERT ON company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', NEW.id;
END;
CREATE TRIGGER company_update_changes_facts AFTER UPDATE ON company
WHEN OLD.account_number IS NOT NEW.account_number
    OR OLD.name IS NOT NEW.name
    OR OLD.status IS NOT NEW.status
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', OLD.id;
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', NEW.id;
END;
CREATE TRIGGER company_delete_changes_facts AFTER DELETE ON company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', OLD.id;
END;

CREATE TRIGGER asset_insert_changes_facts AFTER INSERT ON asset
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', NEW.company_id;
END;
CREATE TRIGGER asset_update_changes_facts AFTER UPDATE ON asset
WHEN OLD.company_id IS NOT NEW.company_id
    OR OLD.external_id IS NOT NEW.external_id
    OR OLD.name IS NOT NEW.name
    OR OLD.type IS NOT NEW.type
    OR OLD.active_on IS NOT NEW.active_on
    OR OLD.retired_on IS NOT NEW.retired_on
    OR OLD.backup_bytes IS NOT NEW.backup_bytes
    OR OLD.measured_at IS NOT NEW.measured_at
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', OLD.company_id;
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', NEW.company_id;
END;
CREATE TRIGGER asset_delete_changes_facts AFTER DELETE ON asset
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', OLD.company_id;
END;

CREATE TRIGGER contact_update_changes_facts AFTER UPDATE ON contact
WHEN OLD.external_id IS NOT NEW.external_id
    OR OLD.name IS NOT NEW.name
    OR OLD.email IS NOT NEW.email
    OR OLD.active IS NOT NEW.active
    OR OLD.billable IS NOT NEW.billable
    OR OLD.exclusion_reason IS NOT NEW.exclusion_reason
    OR OLD.active_on IS NOT NEW.active_on
    OR OLD.ended_on IS NOT NEW.ended_on
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', company_id FROM contact_company WHERE contact_id = NEW.id;
END;

CREATE TRIGGER contact_company_insert_changes_facts AFTER INSERT ON contact_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', NEW.company_id;
END;
CREATE TRIGGER contact_company_update_changes_facts AFTER UPDATE ON contact_company
WHEN OLD.contact_id IS NOT NEW.contact_id
    OR OLD.company_id IS NOT NEW.company_id
    OR OLD.billed IS NOT NEW.billed
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', OLD.company_id;
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', NEW.company_id;
END;
CREATE TRIGGER contact_company_delete_changes_facts AFTER DELETE ON contact_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'billing_facts', OLD.company_id;
END;

CREATE TRIGGER account_update_changes_scope AFTER UPDATE ON account
WHEN OLD.scope_rule IS NOT NEW.scope_rule OR OLD.level IS NOT NEW.level
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user_scope', NEW.id;
END;
CREATE TRIGGER account_company_insert_changes_scope AFTER INSERT ON account_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user_scope', NEW.account_id;
END;
CREATE TRIGGER account_company_update_changes_scope AFTER UPDATE ON account_company
WHEN OLD.account_id IS NOT NEW.account_id
    OR OLD.company_id IS NOT NEW.company_id
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user_scope', OLD.account_id;
    INSERT INTO touched_row (kind, id) SELECT 'user_scope', NEW.account_id;
END;
CREATE TRIGGER account_company_delete_changes_scope AFTER DELETE ON account_company
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'user_scope', OLD.account_id;
END;
