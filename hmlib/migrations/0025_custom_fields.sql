-- What people keep of records beside what is declared: which fields there are, and their values, one row each, with an index for each way to ask.
CREATE TABLE custom_field (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    type TEXT NOT NULL CONSTRAINT custom_field_type CHECK (type IN ('text', 'number', 'date', 'choice', 'link')),
    choices TEXT NOT NULL DEFAULT '',
    help TEXT NOT NULL DEFAULT '',
    place BIGINT NOT NULL DEFAULT 0,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX custom_field_name ON custom_field (kind, name);

CREATE TABLE custom_value (
    field_id TEXT NOT NULL CONSTRAINT custom_value_field REFERENCES custom_field (id) ON DELETE CASCADE,
    record_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    number BIGINT,
    PRIMARY KEY (field_id, record_id)
);
CREATE INDEX custom_value_record ON custom_value (kind, record_id);
CREATE INDEX custom_value_text ON custom_value (field_id, text);
CREATE INDEX custom_value_number ON custom_value (field_id, number);
