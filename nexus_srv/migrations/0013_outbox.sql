-- What clients still have to be told; a row goes when they have taken it.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES client (id),
    event TEXT NOT NULL,
    account_id TEXT NOT NULL DEFAULT '',
    sid TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_due ON outbox (due_at);
