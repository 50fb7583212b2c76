-- Followers ask what has changed since a number (docs/decisions.md, "How followers follow"). `row_change` has, for each row of a followed
-- table that was written since this migration, the number of its last change; the row itself may be gone. `floor` is the number before which
-- nobody may go on: a restore sets it, as what followers had then may be of a time that was lost.
CREATE TABLE change_counter (
    id BIGINT PRIMARY KEY CONSTRAINT change_counter_is_one CHECK (id = 1),
    number BIGINT NOT NULL,
    floor BIGINT NOT NULL
);
INSERT INTO change_counter (id, number, floor) VALUES (1, 0, 0);

CREATE TABLE row_change (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX row_change_number ON row_change (kind, number);

-- What a transaction has touched so far, for itself alone: its rows are gone before anybody can see them, so they need no log.
CREATE UNLOGGED TABLE touched_row (
    transaction_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (transaction_id, kind, id)
);

-- What the triggers of followed tables call.
CREATE FUNCTION touch_row(row_kind TEXT, row_id TEXT) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF row_id IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO touched_row (transaction_id, kind, id) VALUES (txid_current(), row_kind, row_id) ON CONFLICT DO NOTHING;
    IF COALESCE(current_setting('hivematrix.touched', TRUE), '') = '' THEN
        PERFORM set_config('hivematrix.touched', 'yes', TRUE);
        INSERT INTO touched_row (transaction_id, kind, id) VALUES (txid_current(), '', '') ON CONFLICT DO NOTHING;
    END IF;
END;
$$;

-- The last act before the commit: the lock on the counter makes transactions wait for each other from here to their commits, so no number
-- becomes visible before a smaller one. Deferred triggers on followed tables themselves would forbid to alter these later in a transaction.
CREATE FUNCTION touched_rows_are_numbered() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken BIGINT;
BEGIN
    UPDATE change_counter SET number = number + 1 RETURNING number INTO taken;
    WITH touched AS (DELETE FROM touched_row WHERE transaction_id = txid_current() RETURNING kind, id)
    INSERT INTO row_change (kind, id, number) SELECT kind, id, taken FROM touched WHERE kind <> ''
    ON CONFLICT (kind, id) DO UPDATE SET number = excluded.number;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER touched_rows_are_numbered AFTER INSERT ON touched_row DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.kind = '') EXECUTE FUNCTION touched_rows_are_numbered();

-- For tables whose rows go by `id`; the argument is the kind.
CREATE FUNCTION touch_by_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM touch_row(TG_ARGV[0], OLD.id);
    ELSE
        PERFORM touch_row(TG_ARGV[0], NEW.id);
    END IF;
    RETURN NULL;
END;
$$;
