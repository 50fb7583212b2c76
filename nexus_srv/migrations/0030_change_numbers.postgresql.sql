-- Which rows of the directory are followed, and by which kind. `billing_facts` is what Nexus's billing summary says of a company (its id): it
-- changes only when one of those columns does. `user_scope` is which companies an account may see.
CREATE TRIGGER company_touches AFTER INSERT OR UPDATE OR DELETE ON company FOR EACH ROW EXECUTE FUNCTION touch_by_id('company');
CREATE TRIGGER contact_touches AFTER INSERT OR UPDATE OR DELETE ON contact FOR EACH ROW EXECUTE FUNCTION touch_by_id('contact');
CREATE TRIGGER location_touches AFTER INSERT OR UPDATE OR DELETE ON location FOR EACH ROW EXECUTE FUNCTION touch_by_id('location');
CREATE TRIGGER asset_touches AFTER INSERT OR UPDATE OR DELETE ON asset FOR EACH ROW EXECUTE FUNCTION touch_by_id('asset');
CREATE TRIGGER account_touches AFTER INSERT OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION touch_by_id('user');
CREATE TRIGGER account_update_touches AFTER UPDATE ON account FOR EACH ROW
WHEN (OLD.version IS DISTINCT FROM NEW.version OR OLD.updated_at IS DISTINCT FROM NEW.updated_at) EXECUTE FUNCTION touch_by_id('user');

CREATE FUNCTION tombstone_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM touch_row('tombstone', NEW.noun || '/' || NEW.id || '/' || NEW.company_id);
    RETURN NULL;
END;
$$;
CREATE TRIGGER tombstone_touches AFTER INSERT OR UPDATE ON tombstone FOR EACH ROW EXECUTE FUNCTION tombstone_touches();

CREATE FUNCTION company_changes_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND 
        (OLD.account_number, OLD.name, OLD.status)
        IS NOT DISTINCT FROM
        (NEW.account_number, NEW.name, NEW.status) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('billing_facts', OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('billing_facts', NEW.id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER company_changes_facts AFTER INSERT OR UPDATE OR DELETE ON company FOR EACH ROW EXECUTE FUNCTION company_changes_facts();

CREATE FUNCTION asset_changes_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND 
        (OLD.company_id, OLD.external_id, OLD.name, OLD.type, OLD.active_on, OLD.retired_on, OLD.backup_bytes, OLD.measured_at)
        IS NOT DISTINCT FROM
        (NEW.company_id, NEW.external_id, NEW.name, NEW.type, NEW.active_on, NEW.retired_on, NEW.backup_bytes, NEW.measured_at) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('billing_facts', OLD.company_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('billing_facts', NEW.company_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER asset_changes_facts AFTER INSERT OR UPDATE OR DELETE ON asset FOR EACH ROW EXECUTE FUNCTION asset_changes_facts();

CREATE FUNCTION contact_changes_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND 
        (OLD.external_id, OLD.name, OLD.email, OLD.active, OLD.billable, OLD.exclusion_reason, OLD.active_on, OLD.ended_on)
        IS NOT DISTINCT FROM
        (NEW.external_id, NEW.name, NEW.email, NEW.active, NEW.billable, NEW.exclusion_reason, NEW.active_on, NEW.ended_on) THEN
        RETURN NULL;
    END IF;
    PERFORM touch_row('billing_facts', company_id) FROM contact_company WHERE contact_id = NEW.id;
    RETURN NULL;
END;
$$;
CREATE TRIGGER contact_changes_facts AFTER UPDATE ON contact FOR EACH ROW EXECUTE FUNCTION contact_changes_facts();

-- Who is at which company is part of the person.
CREATE FUNCTION contact_company_touches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('contact', OLD.contact_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('contact', NEW.contact_id);
    END IF;
    IF TG_OP = 'UPDATE' AND 
        (OLD.contact_id, OLD.company_id, OLD.billed)
        IS NOT DISTINCT FROM
        (NEW.contact_id, NEW.company_id, NEW.billed) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('billing_facts', OLD.company_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('billing_facts', NEW.company_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER contact_company_touches AFTER INSERT OR UPDATE OR DELETE ON contact_company FOR EACH ROW EXECUTE FUNCTION contact_company_touches();

CREATE FUNCTION account_changes_scope() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.scope_rule, OLD.level) IS NOT DISTINCT FROM (NEW.scope_rule, NEW.level) THEN
        RETURN NULL;
    END IF;
    PERFORM touch_row('user_scope', NEW.id);
    RETURN NULL;
END;
$$;
CREATE TRIGGER account_changes_scope AFTER UPDATE ON account FOR EACH ROW EXECUTE FUNCTION account_changes_scope();

CREATE FUNCTION account_company_changes_scope() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM touch_row('user_scope', OLD.account_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM touch_row('user_scope', NEW.account_id);
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER account_company_changes_scope AFTER INSERT OR UPDATE OR DELETE ON account_company FOR EACH ROW EXECUTE FUNCTION account_company_changes_scope();
