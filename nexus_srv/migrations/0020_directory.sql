CREATE TABLE company (
    id TEXT PRIMARY KEY,
    account_number TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active' CONSTRAINT company_status CHECK (status IN ('prospect', 'active', 'inactive')),
    parent_id TEXT CONSTRAINT company_parent REFERENCES company (id),
    main_phone TEXT NOT NULL DEFAULT '',
    website TEXT NOT NULL DEFAULT '',
    domains TEXT NOT NULL DEFAULT '',
    compliance_level TEXT NOT NULL DEFAULT 'standard'
        CONSTRAINT company_compliance_level CHECK (compliance_level IN ('standard', 'hipaa', 'cjis')),
    address TEXT NOT NULL DEFAULT '',
    city TEXT NOT NULL DEFAULT '',
    region TEXT NOT NULL DEFAULT '',
    postal_code TEXT NOT NULL DEFAULT '',
    country TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '',
    external_id TEXT,
    name_form TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX company_account_number ON company (account_number);
CREATE UNIQUE INDEX company_external_id ON company (source, external_id);
CREATE INDEX company_name ON company (name_form, id);
CREATE INDEX company_updated ON company (updated_at, id);
CREATE INDEX company_by_parent ON company (parent_id);

-- `more_emails` are the addresses beside the primary one, with a space between them.
CREATE TABLE contact (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    more_emails TEXT NOT NULL DEFAULT '',
    phone TEXT NOT NULL DEFAULT '',
    mobile_phone TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL DEFAULT '',
    active BOOLEAN NOT NULL DEFAULT TRUE,
    billable BOOLEAN NOT NULL DEFAULT TRUE,
    exclusion_reason TEXT NOT NULL DEFAULT '',
    active_on TEXT,
    ended_on TEXT,
    notes TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '',
    external_id TEXT,
    name_form TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX contact_external_id ON contact (source, external_id);
CREATE INDEX contact_name ON contact (name_form, id);
CREATE INDEX contact_updated ON contact (updated_at, id);

-- `billed` says whether the person counts in this company's bill; somebody who works for two is paid for by one.
CREATE TABLE contact_company (
    contact_id TEXT NOT NULL REFERENCES contact (id) ON DELETE CASCADE,
    company_id TEXT NOT NULL CONSTRAINT contact_company_company REFERENCES company (id),
    role TEXT NOT NULL DEFAULT '' CONSTRAINT contact_company_role CHECK (role IN ('', 'primary', 'billing', 'technical')),
    billed BOOLEAN NOT NULL DEFAULT TRUE,
    PRIMARY KEY (contact_id, company_id)
);
CREATE INDEX contact_company_by_company ON contact_company (company_id, contact_id);

CREATE TABLE location (
    id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL CONSTRAINT location_company REFERENCES company (id),
    name TEXT NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    city TEXT NOT NULL DEFAULT '',
    region TEXT NOT NULL DEFAULT '',
    postal_code TEXT NOT NULL DEFAULT '',
    country TEXT NOT NULL DEFAULT '',
    phone TEXT NOT NULL DEFAULT '',
    active BOOLEAN NOT NULL DEFAULT TRUE,
    source TEXT NOT NULL DEFAULT '',
    external_id TEXT,
    name_form TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX location_external_id ON location (source, external_id);
CREATE UNIQUE INDEX location_of_company ON location (company_id, name_form);
CREATE INDEX location_name ON location (name_form, id);
CREATE INDEX location_updated ON location (updated_at, id);

CREATE TABLE asset (
    id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL CONSTRAINT asset_company REFERENCES company (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL DEFAULT 'workstation'
        CONSTRAINT asset_type CHECK (type IN ('workstation', 'server', 'vm', 'switch', 'firewall', 'other')),
    serial TEXT NOT NULL DEFAULT '',
    operating_system TEXT NOT NULL DEFAULT '',
    contact_id TEXT CONSTRAINT asset_contact REFERENCES contact (id) ON DELETE SET NULL,
    active_on TEXT,
    retired_on TEXT,
    last_seen_at TEXT,
    backup_bytes BIGINT NOT NULL DEFAULT 0 CONSTRAINT asset_backup_bytes CHECK (backup_bytes >= 0),
    measured_at TEXT,
    notes TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '',
    external_id TEXT,
    name_form TEXT NOT NULL,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX asset_external_id ON asset (source, external_id);
CREATE INDEX asset_by_company ON asset (company_id, name_form, id);
CREATE INDEX asset_name ON asset (name_form, id);
CREATE INDEX asset_updated ON asset (updated_at, id);
CREATE INDEX asset_by_contact ON asset (contact_id);

-- What no longer exists, or has left a company: for those who follow the directory by `updated_since`.
CREATE TABLE tombstone (
    noun TEXT NOT NULL,
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    PRIMARY KEY (noun, id, company_id)
);
CREATE INDEX tombstone_deleted ON tombstone (noun, deleted_at);

-- Counts the changes of the directory: an answer made at one count is right as long as the count stands.
CREATE TABLE directory_state (
    id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO directory_state (id, version) VALUES (1, 1);
