-- What one sign-in gave one client: everything that came of it ends together. The jti of each access token begins with the id.
CREATE TABLE token_family (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    account_id TEXT NOT NULL REFERENCES account (id),
    sid TEXT NOT NULL,
    scope TEXT NOT NULL,
    generation BIGINT NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT NOT NULL DEFAULT ''
);
CREATE INDEX token_family_sid ON token_family (sid);
CREATE INDEX token_family_account ON token_family (account_id);
CREATE INDEX token_family_expiry ON token_family (expires_at);

CREATE TABLE authorization_code (
    code_mac TEXT PRIMARY KEY,
    family_id TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES client (id),
    account_id TEXT NOT NULL REFERENCES account (id),
    sid TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    nonce TEXT NOT NULL,
    challenge TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
);
CREATE INDEX authorization_code_expiry ON authorization_code (expires_at);

-- Access tokens that ended before their time.
CREATE TABLE ended_token (
    jti TEXT PRIMARY KEY,
    expires_at TEXT NOT NULL
);

-- The hand-over of a sign-in from a module's own form to the browser's session here.
CREATE TABLE adoption_ticket (
    ticket_mac TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    account_id TEXT NOT NULL REFERENCES account (id),
    sid TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT
);
