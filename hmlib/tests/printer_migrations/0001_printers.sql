CREATE TABLE printer (
    id TEXT PRIMARY KEY,
    company_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_form TEXT NOT NULL,
    kind TEXT NOT NULL,
    phone TEXT NOT NULL,
    pages BIGINT,
    price_e4 BIGINT NOT NULL,
    memory BIGINT NOT NULL,
    hours_e6 BIGINT,
    bought_on TEXT,
    seen_at TEXT,
    colour BOOLEAN NOT NULL,
    tags TEXT NOT NULL,
    notes TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    external_id TEXT,
    search TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX printer_name ON printer (company_id, name_form);
CREATE UNIQUE INDEX printer_external_id ON printer (source, external_id);

CREATE TABLE tray (
    printer_id TEXT NOT NULL REFERENCES printer (id) ON DELETE CASCADE,
    size TEXT NOT NULL,
    sheets BIGINT NOT NULL,
    PRIMARY KEY (printer_id, size)
);

CREATE TABLE tombstone (
    noun TEXT NOT NULL,
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    PRIMARY KEY (noun, id, company_id)
);
