-- Answers to requests that carried an Idempotency-Key, kept for a day; one without a status is being worked on.
CREATE TABLE replay (
    caller_id TEXT NOT NULL,
    key_mac TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status BIGINT,
    etag TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    PRIMARY KEY (caller_id, key_mac)
);
CREATE INDEX replay_created ON replay (created_at);
