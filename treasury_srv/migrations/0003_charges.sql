-- How one device or person of the directory is billed instead of by its own kind; `price_e4` counts for `custom` only.
CREATE TABLE asset_override (
    asset_id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    billing_type TEXT NOT NULL CONSTRAINT asset_override_type
        CHECK (billing_type IN ('workstation', 'server', 'vm', 'switch', 'firewall', 'other', 'custom', 'no_charge')),
    price_e4 BIGINT NOT NULL DEFAULT 0 CONSTRAINT asset_override_price CHECK (price_e4 >= 0),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX asset_override_by_company ON asset_override (company_id);

CREATE TABLE contact_override (
    contact_id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    billing_type TEXT NOT NULL CONSTRAINT contact_override_type CHECK (billing_type IN ('paid', 'free', 'custom')),
    price_e4 BIGINT NOT NULL DEFAULT 0 CONSTRAINT contact_override_price CHECK (price_e4 >= 0),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX contact_override_by_company ON contact_override (company_id);

-- A negative price is a discount. The dates make exactly one kind of fee.
CREATE TABLE line_item (
    id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    kind TEXT NOT NULL,
    quantity_e6 BIGINT NOT NULL CONSTRAINT line_item_quantity CHECK (quantity_e6 > 0),
    unit_price_e4 BIGINT NOT NULL,
    from_on TEXT,
    to_on TEXT CONSTRAINT line_item_to_on CHECK (to_on > from_on),
    year BIGINT,
    month BIGINT CONSTRAINT line_item_month CHECK (month BETWEEN 1 AND 12),
    tax_category TEXT NOT NULL DEFAULT 'standard' CONSTRAINT line_item_tax_category
        CHECK (tax_category IN ('standard', 'zero', 'exempt', 'reverse_charge', 'outside')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT line_item_kind CHECK (
        kind = 'recurring' AND year IS NULL AND month IS NULL
        OR kind = 'one_off' AND year IS NOT NULL AND month IS NOT NULL AND from_on IS NULL AND to_on IS NULL
        OR kind = 'yearly' AND month IS NOT NULL AND year IS NULL AND from_on IS NULL AND to_on IS NULL
    )
);
CREATE UNIQUE INDEX line_item_name ON line_item (company_id, folded, kind);
