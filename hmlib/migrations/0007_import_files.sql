-- Files on their way in: kept until they are applied or discarded, and a day at most. `mapping` is JSON: what a person has said about the
-- file; `outcome` is JSON once it is applied.
CREATE TABLE IF NOT EXISTS import_file (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    raw BYTEA,
    mapping TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    owner_id TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS import_file_created ON import_file (created_at);
