CREATE TABLE session (
    id_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    level TEXT NOT NULL,
    sid TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    address TEXT NOT NULL,
    browser TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    tokens TEXT,
    refresh_claim TEXT NOT NULL DEFAULT '',
    scope TEXT,
    scope_at TEXT NOT NULL DEFAULT ''
);
CREATE INDEX session_sid ON session (sid);
CREATE INDEX session_by_user ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE session_exchange (
    id_hash TEXT NOT NULL REFERENCES session (id_hash) ON DELETE CASCADE,
    audience TEXT NOT NULL,
    token TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (id_hash, audience)
);

CREATE TABLE revocation (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    until TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX revocation_at ON revocation (at);
