-- Attempts that have not succeeded, by account name and by address prefix (keyed digests). Seconds since 1970, because a wait is added in SQL.
CREATE TABLE throttle (
    bucket TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    wait_s BIGINT NOT NULL,
    counted_at_s BIGINT NOT NULL
);
CREATE INDEX throttle_counted ON throttle (counted_at_s);
