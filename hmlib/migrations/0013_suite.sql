-- Whose database this is. `services` names every service of the suite that has a database, with spaces between them; `epoch` is a part of
-- each ETag, and a restore gives it another value; `key_check` is a known text sealed with the master key; `held_at` is set while nothing may
-- be sent on, which is so after a restore until a person releases it.
CREATE TABLE suite (
    id BIGINT PRIMARY KEY CONSTRAINT suite_is_one CHECK (id = 1),
    suite_id TEXT NOT NULL,
    service TEXT NOT NULL,
    services TEXT NOT NULL,
    epoch TEXT NOT NULL,
    key_check TEXT NOT NULL,
    made_at TEXT NOT NULL,
    restored_at TEXT NOT NULL DEFAULT '',
    held_at TEXT NOT NULL DEFAULT ''
);
