-- One row, written now and then to see whether anything can be written.
CREATE TABLE write_probe (
    id BIGINT PRIMARY KEY,
    at TEXT NOT NULL
);
