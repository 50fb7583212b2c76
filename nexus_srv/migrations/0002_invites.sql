-- One-time links with which people set their own password. Only a keyed digest of the code is kept.
CREATE TABLE invite (
    id TEXT PRIMARY KEY,
    code_mac TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
);
CREATE INDEX invite_account ON invite (account_id);
