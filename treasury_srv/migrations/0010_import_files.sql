-- Which column a heading was last taken for, by the kind of file. (The files themselves stand in hmlib's table.)
CREATE TABLE import_mapping (
    kind TEXT NOT NULL,
    heading TEXT NOT NULL,
    column_name TEXT NOT NULL,
    PRIMARY KEY (kind, heading)
);
