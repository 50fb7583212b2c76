-- Files on their way in: kept until they are applied or discarded, and a day at most. `outcome` is JSON once a file is applied.
CREATE TABLE import_file (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    raw BYTEA,
    mapping TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    owner_id TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX import_file_created ON import_file (created_at);

-- Which column a heading was last taken for, by the kind of file.
CREATE TABLE import_mapping (
    kind TEXT NOT NULL,
    heading TEXT NOT NULL,
    column_name TEXT NOT NULL,
    PRIMARY KEY (kind, heading)
);
