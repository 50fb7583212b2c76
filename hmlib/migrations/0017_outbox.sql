-- What others still have to be told, each kind with its own way to send: a row goes when it has been taken. `inside` marks what goes to a part
-- of the suite itself and is sent even while a restored suite is held. And how telling each target goes.
CREATE TABLE outbox_message (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    inside BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    claimed_until TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_message_due ON outbox_message (due_at);
CREATE INDEX outbox_message_target ON outbox_message (kind, target, due_at);

CREATE TABLE outbox_target (
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    announcements BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since TEXT NOT NULL DEFAULT '',
    failed_at TEXT NOT NULL DEFAULT '',
    last_error TEXT NOT NULL DEFAULT '',
    told_at TEXT NOT NULL DEFAULT '',
    given_up BIGINT NOT NULL DEFAULT 0,
    given_up_at TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (kind, target)
);
