-- `end_on` is the last agreed day; `ended_on` the first day on which the agreement is really over, NULL while it goes on.
CREATE TABLE agreement (
    id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    plan_id TEXT NOT NULL CONSTRAINT agreement_plan REFERENCES plan (id),
    term TEXT NOT NULL CONSTRAINT agreement_term CHECK (term IN ('month_to_month', '1_year', '2_year', '3_year')),
    start_on TEXT NOT NULL,
    end_on TEXT CONSTRAINT agreement_end_on CHECK (end_on >= start_on),
    ended_on TEXT CONSTRAINT agreement_ended_on CHECK (ended_on >= start_on),
    currency TEXT NOT NULL,
    proration TEXT NOT NULL DEFAULT 'none' CONSTRAINT agreement_proration CHECK (proration IN ('none', 'daily')),
    prepaid_hours_monthly_e6 BIGINT NOT NULL DEFAULT 0 CONSTRAINT agreement_monthly CHECK (prepaid_hours_monthly_e6 >= 0),
    prepaid_hours_yearly_e6 BIGINT NOT NULL DEFAULT 0 CONSTRAINT agreement_yearly CHECK (prepaid_hours_yearly_e6 >= 0),
    minimum_hours_e6 BIGINT NOT NULL DEFAULT 0 CONSTRAINT agreement_minimum CHECK (minimum_hours_e6 >= 0),
    rounding_hours_e6 BIGINT NOT NULL DEFAULT 0 CONSTRAINT agreement_rounding CHECK (rounding_hours_e6 >= 0),
    tax_percent_e4 BIGINT NOT NULL DEFAULT 0 CONSTRAINT agreement_tax CHECK (tax_percent_e4 BETWEEN 0 AND 1000000),
    due_days BIGINT NOT NULL DEFAULT 30 CONSTRAINT agreement_due_days CHECK (due_days BETWEEN 0 AND 365),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX agreement_start ON agreement (company_id, start_on);
CREATE INDEX agreement_by_plan ON agreement (plan_id);
CREATE INDEX agreement_by_end ON agreement (end_on);

-- `number` is scaled as the thing it replaces is; `text` holds a plan's id or a feature's label; an empty `valid_from` means always.
CREATE TABLE agreement_override (
    id TEXT PRIMARY KEY,
    agreement_id TEXT NOT NULL CONSTRAINT override_agreement REFERENCES agreement (id) ON DELETE CASCADE,
    what TEXT NOT NULL,
    number BIGINT NOT NULL DEFAULT 0 CONSTRAINT override_number CHECK (number >= 0),
    text TEXT NOT NULL DEFAULT '',
    valid_from TEXT NOT NULL DEFAULT '',
    valid_to TEXT CONSTRAINT override_valid_to CHECK (valid_to > valid_from),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX override_of_day ON agreement_override (agreement_id, what, valid_from);

CREATE TABLE manual_item (
    id TEXT PRIMARY KEY,
    agreement_id TEXT NOT NULL CONSTRAINT manual_item_agreement REFERENCES agreement (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CONSTRAINT manual_item_kind CHECK (kind IN ('device', 'user')),
    name TEXT NOT NULL,
    billing_type TEXT NOT NULL,
    price_e4 BIGINT NOT NULL DEFAULT 0 CONSTRAINT manual_item_price CHECK (price_e4 >= 0),
    from_on TEXT,
    to_on TEXT CONSTRAINT manual_item_to_on CHECK (to_on > from_on),
    note TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT manual_item_type CHECK (
        kind = 'device' AND billing_type IN ('workstation', 'server', 'vm', 'switch', 'firewall', 'other', 'custom', 'no_charge')
        OR kind = 'user' AND billing_type IN ('paid', 'free', 'custom')
    )
);
CREATE INDEX manual_item_by_agreement ON manual_item (agreement_id);
