-- One row per scheduled work: who does it now and until when, and how it went.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL DEFAULT '',
    held_until TEXT NOT NULL DEFAULT '',
    due_at TEXT NOT NULL DEFAULT '',
    run_now BOOLEAN NOT NULL DEFAULT FALSE,
    last_started_at TEXT NOT NULL DEFAULT '',
    last_finished_at TEXT NOT NULL DEFAULT '',
    last_milliseconds BIGINT NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT ''
);
