-- Counts the changes of whatever a bill is made of: bills worked out at one count are right as long as the count stands.
CREATE TABLE billing_state (
    id BIGINT PRIMARY KEY CONSTRAINT billing_state_is_one CHECK (id = 1),
    version BIGINT NOT NULL,
    -- A transaction counts once: many updates of one row inside one transaction get slower and slower.
    counted_by BIGINT NOT NULL DEFAULT 0
);
INSERT INTO billing_state (id, version) VALUES (1, 1);

CREATE FUNCTION billing_state_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_state SET version = version + 1, counted_by = txid_current() WHERE counted_by <> txid_current();
    RETURN NULL;
END;
$$;

CREATE TRIGGER plan_counts AFTER INSERT OR UPDATE OR DELETE ON plan FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER plan_feature_counts AFTER INSERT OR UPDATE OR DELETE ON plan_feature FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER price_version_counts AFTER INSERT OR UPDATE OR DELETE ON price_version FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER agreement_counts AFTER INSERT OR UPDATE OR DELETE ON agreement FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER agreement_override_counts AFTER INSERT OR UPDATE OR DELETE ON agreement_override FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER manual_item_counts AFTER INSERT OR UPDATE OR DELETE ON manual_item FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER asset_override_counts AFTER INSERT OR UPDATE OR DELETE ON asset_override FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER contact_override_counts AFTER INSERT OR UPDATE OR DELETE ON contact_override FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER line_item_counts AFTER INSERT OR UPDATE OR DELETE ON line_item FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER invoice_counts AFTER INSERT OR UPDATE OR DELETE ON invoice FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER labour_entry_counts AFTER INSERT OR UPDATE OR DELETE ON labour_entry FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
CREATE TRIGGER pool_draw_counts AFTER INSERT OR UPDATE OR DELETE ON pool_draw FOR EACH STATEMENT EXECUTE FUNCTION billing_state_counts();
