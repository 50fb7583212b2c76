CREATE TABLE import_run (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    raw BYTEA,
    headings TEXT NOT NULL,
    mapping TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT import_run_state
        CHECK (state IN ('mapping', 'checking', 'checked', 'applying', 'applied', 'failed')),
    done BIGINT NOT NULL DEFAULT 0,
    total BIGINT NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT '',
    started_by TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX import_run_created ON import_run (created_at, id);

CREATE TABLE import_mapping (
    kind TEXT NOT NULL,
    heading TEXT NOT NULL,
    column_name TEXT NOT NULL,
    PRIMARY KEY (kind, heading)
);
