-- Long work and scheduled work: one row per run. `data` is what was asked for and `kept` where the work stands, `result` what came of it, all
-- JSON; `slot` is the moment of its schedule that a scheduled run stands for; `attempts` counts the starts since `kept` was last written.
CREATE TABLE job (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT job_state CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    done BIGINT NOT NULL DEFAULT 0,
    total BIGINT NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    data TEXT NOT NULL DEFAULT '{}',
    kept TEXT NOT NULL DEFAULT '{}',
    result TEXT NOT NULL DEFAULT '{}',
    error TEXT NOT NULL DEFAULT '',
    slot TEXT NOT NULL DEFAULT '',
    created_by TEXT NOT NULL DEFAULT '',
    created_by_name TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    started_at TEXT NOT NULL DEFAULT '',
    ended_at TEXT NOT NULL DEFAULT '',
    cancel_asked_at TEXT NOT NULL DEFAULT '',
    attempts BIGINT NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX job_once_a_slot ON job (kind, slot) WHERE slot <> '';
CREATE UNIQUE INDEX job_schedule_alone ON job (kind) WHERE slot <> '' AND state IN ('waiting', 'running');
CREATE INDEX job_active ON job (state, due_at) WHERE state IN ('waiting', 'running');
CREATE INDEX job_created ON job (created_at, id);
CREATE INDEX job_created_by ON job (created_by, created_at, id);

-- The processes that work on jobs. A process that lives changes `beat` while it has a job; apart from the jobs themselves, so that work on one
-- never waits for this nor this for it.
CREATE TABLE job_runner (
    id TEXT PRIMARY KEY,
    machine TEXT NOT NULL,
    beat BIGINT NOT NULL DEFAULT 0,
    seen_at TEXT NOT NULL
);
