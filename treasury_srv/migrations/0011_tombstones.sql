-- What no longer exists, or has left a company: for those who follow a list by `updated_since`. An empty `company_id` is everybody's.
CREATE TABLE tombstone (
    noun TEXT NOT NULL,
    id TEXT NOT NULL,
    company_id TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    PRIMARY KEY (noun, id, company_id)
);
CREATE INDEX tombstone_deleted ON tombstone (noun, deleted_at);
CREATE INDEX labour_entry_updated ON labour_entry (updated_at, id);
