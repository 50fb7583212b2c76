-- Which process delivers a message, until when; and how telling each client goes.
ALTER TABLE outbox ADD COLUMN claimed_until TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_client ON outbox (client_id, due_at);

CREATE TABLE delivery (
    client_id TEXT PRIMARY KEY REFERENCES client (id),
    announcements BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since TEXT NOT NULL DEFAULT '',
    failed_at TEXT NOT NULL DEFAULT '',
    last_error TEXT NOT NULL DEFAULT '',
    told_at TEXT NOT NULL DEFAULT '',
    given_up BIGINT NOT NULL DEFAULT 0,
    given_up_at TEXT NOT NULL DEFAULT ''
);
