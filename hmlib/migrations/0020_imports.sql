-- One file on its way in, and what came of it. `kind` is what was asked for, `kinds` all that it holds; `said` is JSON: what a person has said
-- of the file (hmlib.imports.batches.Said); `notes` and `questions` are JSON lists. `scope` is JSON: the companies of whoever brought it.
-- `number` is the change number that the plan stands on, `digest` the SHA-256 of the plan.
CREATE TABLE import_batch (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    kinds TEXT NOT NULL DEFAULT '',
    file_name TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT import_batch_state
        CHECK (state IN ('mapping', 'planning', 'planned', 'applying', 'applied', 'undoing', 'undone', 'failed')),
    headings TEXT NOT NULL DEFAULT '[]',
    understood TEXT NOT NULL DEFAULT '{}',
    preset TEXT NOT NULL DEFAULT '',
    said TEXT NOT NULL DEFAULT '{}',
    scope TEXT NOT NULL,
    number BIGINT NOT NULL DEFAULT 0,
    created BIGINT NOT NULL DEFAULT 0,
    updated BIGINT NOT NULL DEFAULT 0,
    unchanged BIGINT NOT NULL DEFAULT 0,
    errors BIGINT NOT NULL DEFAULT 0,
    notes TEXT NOT NULL DEFAULT '[]',
    questions TEXT NOT NULL DEFAULT '[]',
    digest TEXT NOT NULL DEFAULT '',
    problem TEXT NOT NULL DEFAULT '',
    job_id TEXT NOT NULL DEFAULT '',
    started_by TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT '',
    undone_at TEXT NOT NULL DEFAULT '',
    version BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX import_batch_created ON import_batch (created_at, id);
CREATE INDEX import_batch_started_by ON import_batch (started_by, created_at, id);

-- The file itself, as long as it may still be needed.
CREATE TABLE import_content (
    batch_id TEXT PRIMARY KEY CONSTRAINT import_content_batch REFERENCES import_batch (id) ON DELETE CASCADE,
    raw BYTEA NOT NULL
);

-- What each row of a file would do or did. `target` is the table that it goes to; `before` and `after` are its columns as JSON objects; `part`
-- rows are lists that belong to a record (before: as they were, after: as they shall be); `what` of an error is the column that is wrong.
CREATE TABLE import_row (
    batch_id TEXT NOT NULL CONSTRAINT import_row_batch REFERENCES import_batch (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    line BIGINT NOT NULL,
    outcome TEXT NOT NULL CONSTRAINT import_row_outcome
        CHECK (outcome IN ('create', 'update', 'unchanged', 'error', 'part before', 'part after')),
    target TEXT NOT NULL DEFAULT '',
    record_id TEXT NOT NULL DEFAULT '',
    record_version BIGINT NOT NULL DEFAULT 0,
    label TEXT NOT NULL DEFAULT '',
    changed TEXT NOT NULL DEFAULT '{}',
    before_json JSONB,
    after_json JSONB,
    what TEXT NOT NULL DEFAULT '',
    value TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (batch_id, number)
);
CREATE INDEX import_row_outcome ON import_row (batch_id, outcome, number);
CREATE INDEX import_row_record ON import_row (record_id, batch_id);

-- What people have said of files with these headings (hmlib.imports.presets.mapping_key): JSON, as in import_batch.said.
CREATE TABLE import_memory (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    said TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Two imports are applied one after another: each takes a turn here first.
CREATE TABLE import_turn (
    id BIGINT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO import_turn (id, number) VALUES (1, 0);
