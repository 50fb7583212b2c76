-- When backups are made by themselves (one row, in Nexus's database), and every backup that was tried.
CREATE TABLE backup_plan (
    id BIGINT PRIMARY KEY CONSTRAINT backup_plan_is_one CHECK (id = 1),
    at TEXT NOT NULL,
    folder TEXT NOT NULL,
    keep BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    passphrase_file TEXT NOT NULL,
    changed_at TEXT NOT NULL
);
CREATE TABLE backup_run (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    milliseconds BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    file TEXT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX backup_run_started ON backup_run (started_at);
