CREATE TABLE account (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    username_form TEXT NOT NULL,
    email TEXT NOT NULL DEFAULT '',
    email_form TEXT,
    display_name TEXT NOT NULL,
    phone TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT 'en',
    time_zone TEXT NOT NULL DEFAULT 'UTC',
    level TEXT NOT NULL CONSTRAINT account_level CHECK (level IN ('admin', 'technician', 'billing', 'client')),
    status TEXT NOT NULL DEFAULT 'active' CONSTRAINT account_status CHECK (status IN ('active', 'locked', 'disabled')),
    scope_rule TEXT NOT NULL DEFAULT 'all' CONSTRAINT account_scope_rule CHECK (scope_rule IN ('all', 'only', 'except')),
    contact_id TEXT,
    password_hash TEXT,
    password_changed_at TEXT NOT NULL DEFAULT '',
    last_signed_in_at TEXT NOT NULL DEFAULT '',
    search TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '',
    external_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT account_client_scope CHECK (level <> 'client' OR scope_rule = 'only'),
    CONSTRAINT account_admin_scope CHECK (level <> 'admin' OR scope_rule = 'all')
);
CREATE UNIQUE INDEX account_username ON account (username_form);
CREATE UNIQUE INDEX account_email ON account (email_form);
CREATE UNIQUE INDEX account_external ON account (source, external_id);
CREATE INDEX account_updated ON account (updated_at, id);

-- The companies of an "only" or "except" scope; company rows are the directory's, which also rewrites these when it merges two.
CREATE TABLE account_company (
    account_id TEXT NOT NULL REFERENCES account (id),
    company_id TEXT NOT NULL,
    PRIMARY KEY (account_id, company_id)
);
CREATE INDEX account_company_company ON account_company (company_id);

CREATE TABLE factor (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL CONSTRAINT factor_kind CHECK (kind IN ('totp', 'passkey', 'recovery')),
    label TEXT NOT NULL DEFAULT '',
    secret TEXT NOT NULL,
    created_at TEXT NOT NULL,
    confirmed_at TEXT,
    last_used_at TEXT
);
CREATE INDEX factor_account ON factor (account_id);
