-- Counts the changes of whatever a bill is made of: bills worked out at one count are right as long as the count stands.
CREATE TABLE billing_state (
    id BIGINT PRIMARY KEY CONSTRAINT billing_state_is_one CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO billing_state (id, version) VALUES (1, 1);

CREATE TRIGGER plan_insert_counts AFTER INSERT ON plan BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER plan_update_counts AFTER UPDATE ON plan BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER plan_delete_counts AFTER DELETE ON plan BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER plan_feature_insert_counts AFTER INSERT ON plan_feature BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER plan_feature_update_counts AFTER UPDATE ON plan_feature BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER plan_feature_delete_counts AFTER DELETE ON plan_feature BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER price_version_insert_counts AFTER INSERT ON price_version BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER price_version_update_counts AFTER UPDATE ON price_version BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER price_version_delete_counts AFTER DELETE ON price_version BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER agreement_insert_counts AFTER INSERT ON agreement BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER agreement_update_counts AFTER UPDATE ON agreement BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER agreement_delete_counts AFTER DELETE ON agreement BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER agreement_override_insert_counts AFTER INSERT ON agreement_override BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER agreement_override_update_counts AFTER UPDATE ON agreement_override BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER agreement_override_delete_counts AFTER DELETE ON agreement_override BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER manual_item_insert_counts AFTER INSERT ON manual_item BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER manual_item_update_counts AFTER UPDATE ON manual_item BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER manual_item_delete_counts AFTER DELETE ON manual_item BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER asset_override_insert_counts AFTER INSERT ON asset_override BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER asset_override_update_counts AFTER UPDATE ON asset_override BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER asset_override_delete_counts AFTER DELETE ON asset_override BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER contact_override_insert_counts AFTER INSERT ON contact_override BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER contact_override_update_counts AFTER UPDATE ON contact_override BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER contact_override_delete_counts AFTER DELETE ON contact_override BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER line_item_insert_counts AFTER INSERT ON line_item BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER line_item_update_counts AFTER UPDATE ON line_item BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER line_item_delete_counts AFTER DELETE ON line_item BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER invoice_insert_counts AFTER INSERT ON invoice BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER invoice_update_counts AFTER UPDATE ON invoice BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER invoice_delete_counts AFTER DELETE ON invoice BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER labour_entry_insert_counts AFTER INSERT ON labour_entry BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER labour_entry_update_counts AFTER UPDATE ON labour_entry BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER labour_entry_delete_counts AFTER DELETE ON labour_entry BEGIN UPDATE billing_state SET version = version + 1; END;

CREATE TRIGGER pool_draw_insert_counts AFTER INSERT ON pool_draw BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER pool_draw_update_counts AFTER UPDATE ON pool_draw BEGIN UPDATE billing_state SET version = version + 1; END;
CREATE TRIGGER pool_draw_delete_counts AFTER DELETE ON pool_draw BEGIN UPDATE billing_state SET version = version + 1; END;
