-- One bill of an agreement for a month: a second one for the same thing is impossible, however often or in parallel a run is started.
CREATE TABLE invoice (
    id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    agreement_id TEXT NOT NULL CONSTRAINT invoice_agreement REFERENCES agreement (id),
    period TEXT NOT NULL,
    status TEXT NOT NULL CONSTRAINT invoice_status CHECK (status IN ('draft', 'approved', 'finalised', 'void')),
    number TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT invoice_is_numbered CHECK (status IN ('draft', 'approved') OR number IS NOT NULL)
);
CREATE UNIQUE INDEX invoice_of_period ON invoice (agreement_id, period) WHERE status <> 'void';
CREATE UNIQUE INDEX invoice_number ON invoice (number);
CREATE INDEX invoice_by_period ON invoice (period, company_id);
CREATE INDEX invoice_by_company ON invoice (company_id, period);

-- Hours as they were worked, in UTC; on `invoice_id` once that is finalised.
CREATE TABLE labour_entry (
    id TEXT PRIMARY KEY,
    external_id TEXT,
    company_id TEXT NOT NULL,
    worked_at TEXT NOT NULL,
    hours_e6 BIGINT NOT NULL CONSTRAINT labour_entry_hours CHECK (hours_e6 >= 0),
    billable BOOLEAN NOT NULL DEFAULT TRUE,
    description TEXT NOT NULL DEFAULT '',
    ticket TEXT NOT NULL DEFAULT '',
    search TEXT NOT NULL DEFAULT '',
    invoice_id TEXT CONSTRAINT labour_entry_invoice REFERENCES invoice (id),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX labour_entry_external_id ON labour_entry (external_id);
CREATE INDEX labour_entry_by_time ON labour_entry (worked_at, id);
CREATE INDEX labour_entry_by_company ON labour_entry (company_id, worked_at);
CREATE INDEX labour_entry_by_invoice ON labour_entry (invoice_id);

-- What finalised invoices took from yearly pools: `year` is the pool year's first month.
CREATE TABLE pool_draw (
    invoice_id TEXT NOT NULL CONSTRAINT pool_draw_invoice REFERENCES invoice (id),
    year TEXT NOT NULL,
    hours_e6 BIGINT NOT NULL CONSTRAINT pool_draw_hours CHECK (hours_e6 > 0),
    line_key TEXT NOT NULL,
    PRIMARY KEY (invoice_id, year, line_key)
);
