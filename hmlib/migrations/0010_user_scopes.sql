-- What Nexus last said of the companies a person may see: one answer for all their sessions, tokens and all processes. `forgotten` counts
-- the changes, so that an answer which was under way when one came is not kept; `scope` is empty after a change, until Nexus is asked again.
CREATE TABLE user_scope (
    user_id TEXT PRIMARY KEY,
    scope TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL DEFAULT '',
    forgotten BIGINT NOT NULL DEFAULT 0
);
