-- Which rows of Treasury are followed, and by which kind. `bill` is what a company's bills are made of (its id), but for what stands under other
-- ids: the billing type of a device or person, which may be at any company, and what a plan says for a term.
CREATE TRIGGER plan_touches AFTER INSERT OR UPDATE OR DELETE ON plan FOR EACH ROW EXECUTE FUNCTION touch_by_id('plan');
CREATE TRIGGER price_version_touches AFTER INSERT OR UPDATE OR DELETE ON price_version FOR EACH ROW EXECUTE FUNCTION touch_by_id('price');
CREATE TRIGGER agreement_touches AFTER INSERT OR UPDATE OR DELETE ON agreement FOR EACH ROW EXECUTE FUNCTION touch_by_id('agreement');
CREATE TRIGGER agreement_override_touches AFTER INSERT OR UPDATE OR DELETE ON agreement_override FOR EACH ROW EXECUTE FUNCTION touch_by_id('override');
CREATE TRIGGER manual_item_touches AFTER INSERT OR UPDATE OR DELETE ON manual_item FOR EACH ROW EXECUTE FUNCTION touch_by_id('manual_item');
CREATE TRIGGER line_item_touches AFTER INSERT OR UPDATE OR DELETE ON line_item FOR EACH ROW EXECUTE FUNCTION touch_by_id('line_item');
CREATE TRIGGER invoice_touches AFTER INSERT OR UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION touch_by_id('invoice');
CREATE TRIGGER labour_entry_touches AFTER INSERT OR UPDATE OR DELETE ON labour_entry FOR EACH ROW EXECUTE FUNCTION touch_by_id('labour_entry');

CREATE FUNCTION tombstone_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM touch_row('tombstone', NEW.noun || '/' || NEW.id || '/' || NEW.company_id);
    RETURN NULL;
END;
$$;
CREATE TRIGGER tombstone_touches AFTER INSERT OR UPDATE ON tombstone FOR EACH ROW EXECUTE FUNCTION tombstone_touches();

CREATE FUNCTION asset_override_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('asset_override', OLD.asset_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('asset_override', NEW.asset_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER asset_override_touches AFTER INSERT OR UPDATE OR DELETE ON asset_override FOR EACH ROW EXECUTE FUNCTION asset_override_touches();

CREATE FUNCTION contact_override_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('contact_override', OLD.contact_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('contact_override', NEW.contact_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER contact_override_touches AFTER INSERT OR UPDATE OR DELETE ON contact_override FOR EACH ROW EXECUTE FUNCTION contact_override_touches();

CREATE FUNCTION plan_feature_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('plan', OLD.plan_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('plan', NEW.plan_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER plan_feature_touches AFTER INSERT OR UPDATE OR DELETE ON plan_feature FOR EACH ROW EXECUTE FUNCTION plan_feature_touches();

-- For the tables that have the company's id themselves.
CREATE FUNCTION touch_own_bill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('bill', OLD.company_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('bill', NEW.company_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER agreement_changes_bill AFTER INSERT OR UPDATE OR DELETE ON agreement FOR EACH ROW EXECUTE FUNCTION touch_own_bill();
CREATE TRIGGER line_item_changes_bill AFTER INSERT OR UPDATE OR DELETE ON line_item FOR EACH ROW EXECUTE FUNCTION touch_own_bill();
CREATE TRIGGER invoice_changes_bill AFTER INSERT OR UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION touch_own_bill();
CREATE TRIGGER labour_entry_changes_bill AFTER INSERT OR UPDATE OR DELETE ON labour_entry FOR EACH ROW EXECUTE FUNCTION touch_own_bill();

-- And for those of an agreement. Where that goes with them, its own trigger says so.
CREATE FUNCTION touch_agreements_bill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('bill', company_id) FROM agreement WHERE id = OLD.agreement_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('bill', company_id) FROM agreement WHERE id = NEW.agreement_id;
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER agreement_override_changes_bill AFTER INSERT OR UPDATE OR DELETE ON agreement_override FOR EACH ROW EXECUTE FUNCTION touch_agreements_bill();
CREATE TRIGGER manual_item_changes_bill AFTER INSERT OR UPDATE OR DELETE ON manual_item FOR EACH ROW EXECUTE FUNCTION touch_agreements_bill();

CREATE FUNCTION pool_draw_changes_bill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('bill', company_id) FROM invoice WHERE id = OLD.invoice_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('bill', company_id) FROM invoice WHERE id = NEW.invoice_id;
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER pool_draw_changes_bill AFTER INSERT OR UPDATE OR DELETE ON pool_draw FOR EACH ROW EXECUTE FUNCTION pool_draw_changes_bill();

CREATE FUNCTION price_version_changes_term() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('plan_term', OLD.plan_id || '/' || OLD.term);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('plan_term', NEW.plan_id || '/' || NEW.term);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER price_version_changes_term AFTER INSERT OR UPDATE OR DELETE ON price_version FOR EACH ROW EXECUTE FUNCTION price_version_changes_term();
