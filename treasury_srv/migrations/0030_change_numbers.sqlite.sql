-- Which rows of Treasury are followed, and by which kind. `bill` is what a company's bills are made of (its id), but for what stands under other
-- ids: the billing type of a device or person, which may be at any company, and what a plan says for a term.
CREATE TRIGGER plan_insert_touches AFTER INSERT ON plan
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan', NEW.id;
END;
CREATE TRIGGER plan_update_touches AFTER UPDATE ON plan
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan', NEW.id;
END;
CREATE TRIGGER plan_delete_touches AFTER DELETE ON plan
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan', OLD.id;
END;

CREATE TRIGGER price_version_insert_touches AFTER INSERT ON price_version
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'price', NEW.id;
END;
CREATE TRIGGER price_version_update_touches AFTER UPDATE ON price_version
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'price', NEW.id;
END;
CREATE TRIGGER price_version_delete_touches AFTER DELETE ON price_version
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'price', OLD.id;
END;

CREATE TRIGGER agreement_insert_touches AFTER INSERT ON agreement
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'agreement', NEW.id;
END;
CREATE TRIGGER agreement_update_touches AFTER UPDATE ON agreement
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'agreement', NEW.id;
END;
CREATE TRIGGER agreement_delete_touches AFTER DELETE ON agreement
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'agreement', OLD.id;
END;

CREATE TRIGGER agreement_override_insert_touches AFTER INSERT ON agreement_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'override', NEW.id;
END;
CREATE TRIGGER agreement_override_update_touches AFTER UPDATE ON agreement_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'override', NEW.id;
END;
CREATE TRIGGER agreement_override_delete_touches AFTER DELETE ON agreement_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'override', OLD.id;
END;

CREATE TRIGGER manual_item_insert_touches AFTER INSERT ON manual_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'manual_item', NEW.id;
END;
CREATE TRIGGER manual_item_update_touches AFTER UPDATE ON manual_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'manual_item', NEW.id;
END;
CREATE TRIGGER manual_item_delete_touches AFTER DELETE ON manual_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'manual_item', OLD.id;
END;

CREATE TRIGGER line_item_insert_touches AFTER INSERT ON line_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'line_item', NEW.id;
END;
CREATE TRIGGER line_item_update_touches AFTER UPDATE ON line_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'line_item', NEW.id;
END;
CREATE TRIGGER line_item_delete_touches AFTER DELETE ON line_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'line_item', OLD.id;
END;

CREATE TRIGGER invoice_insert_touches AFTER INSERT ON invoice
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'invoice', NEW.id;
END;
CREATE TRIGGER invoice_update_touches AFTER UPDATE ON invoice
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'invoice', NEW.id;
END;
CREATE TRIGGER invoice_delete_touches AFTER DELETE ON invoice
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'invoice', OLD.id;
END;

CREATE TRIGGER labour_entry_insert_touches AFTER INSERT ON labour_entry
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'labour_entry', NEW.id;
END;
CREATE TRIGGER labour_entry_update_touches AFTER UPDATE ON labour_entry
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'labour_entry', NEW.id;
END;
CREATE TRIGGER labour_entry_delete_touches AFTER DELETE ON labour_entry
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'labour_entry', OLD.id;
END;

CREATE TRIGGER asset_override_insert_touches AFTER INSERT ON asset_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'asset_override', NEW.asset_id;
END;
CREATE TRIGGER asset_override_update_touches AFTER UPDATE ON asset_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'asset_override', NEW.asset_id;
END;
CREATE TRIGGER asset_override_delete_touches AFTER DELETE ON asset_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'asset_override', OLD.asset_id;
END;

CREATE TRIGGER contact_override_insert_touches AFTER INSERT ON contact_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact_override', NEW.contact_id;
END;
CREATE TRIGGER contact_override_update_touches AFTER UPDATE ON contact_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact_override', NEW.contact_id;
END;
CREATE TRIGGER contact_override_delete_touches AFTER DELETE ON contact_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'contact_override', OLD.contact_id;
END;

CREATE TRIGGER plan_feature_insert_touches AFTER INSERT ON plan_feature
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan', NEW.plan_id;
END;
CREATE TRIGGER plan_feature_update_touches AFTER UPDATE ON plan_feature
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan', NEW.plan_id;
END;
CREATE TRIGGER plan_feature_delete_touches AFTER DELETE ON plan_feature
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan', OLD.plan_id;
END;

CREATE TRIGGER tombstone_insert_touches AFTER INSERT ON tombstone
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'tombstone', NEW.noun || '/' || NEW.id || '/' || NEW.company_id;
END;
CREATE TRIGGER tombstone_update_touches AFTER UPDATE ON tombstone
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'tombstone', NEW.noun || '/' || NEW.id || '/' || NEW.company_id;
END;

CREATE TRIGGER agreement_insert_changes_bill AFTER INSERT ON agreement
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER agreement_update_changes_bill AFTER UPDATE ON agreement
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER agreement_delete_changes_bill AFTER DELETE ON agreement
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
END;

CREATE TRIGGER line_item_insert_changes_bill AFTER INSERT ON line_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER line_item_update_changes_bill AFTER UPDATE ON line_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER line_item_delete_changes_bill AFTER DELETE ON line_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
END;

CREATE TRIGGER invoice_insert_changes_bill AFTER INSERT ON invoice
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER invoice_update_changes_bill AFTER UPDATE ON invoice
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER invoice_delete_changes_bill AFTER DELETE ON invoice
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
END;

CREATE TRIGGER labour_entry_insert_changes_bill AFTER INSERT ON labour_entry
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER labour_entry_update_changes_bill AFTER UPDATE ON labour_entry
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', NEW.company_id;
END;
CREATE TRIGGER labour_entry_delete_changes_bill AFTER DELETE ON labour_entry
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', OLD.company_id;
END;

CREATE TRIGGER agreement_override_insert_changes_bill AFTER INSERT ON agreement_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = NEW.agreement_id;
END;
CREATE TRIGGER agreement_override_update_changes_bill AFTER UPDATE ON agreement_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = OLD.agreement_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = NEW.agreement_id;
END;
CREATE TRIGGER agreement_override_delete_changes_bill AFTER DELETE ON agreement_override
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = OLD.agreement_id;
END;

CREATE TRIGGER manual_item_insert_changes_bill AFTER INSERT ON manual_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = NEW.agreement_id;
END;
CREATE TRIGGER manual_item_update_changes_bill AFTER UPDATE ON manual_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = OLD.agreement_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = NEW.agreement_id;
END;
CREATE TRIGGER manual_item_delete_changes_bill AFTER DELETE ON manual_item
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM agreement WHERE id = OLD.agreement_id;
END;

CREATE TRIGGER pool_draw_insert_changes_bill AFTER INSERT ON pool_draw
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM invoice WHERE id = NEW.invoice_id;
END;
CREATE TRIGGER pool_draw_update_changes_bill AFTER UPDATE ON pool_draw
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM invoice WHERE id = OLD.invoice_id;
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM invoice WHERE id = NEW.invoice_id;
END;
CREATE TRIGGER pool_draw_delete_changes_bill AFTER DELETE ON pool_draw
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'bill', company_id FROM invoice WHERE id = OLD.invoice_id;
END;

CREATE TRIGGER price_version_insert_changes_term AFTER INSERT ON price_version
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan_term', NEW.plan_id || '/' || NEW.term;
END;
CREATE TRIGGER price_version_update_changes_term AFTER UPDATE ON price_version
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan_term', OLD.plan_id || '/' || OLD.term;
    INSERT INTO touched_row (kind, id) SELECT 'plan_term', NEW.plan_id || '/' || NEW.term;
END;
CREATE TRIGGER price_version_delete_changes_term AFTER DELETE ON price_version
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'plan_term', OLD.plan_id || '/' || OLD.term;
END;
