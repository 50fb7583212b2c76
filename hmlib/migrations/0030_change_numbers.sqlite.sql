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
) WITHOUT ROWID;
CREATE INDEX row_change_number ON row_change (kind, number);

-- What the triggers of followed tables write to. Writers of all processes run one after another, each to its commit, so a number that is taken
-- at once is seen in order too.
CREATE VIEW touched_row AS SELECT kind, id FROM row_change;
CREATE TRIGGER touched_row_is_numbered INSTEAD OF INSERT ON touched_row
BEGIN
    UPDATE change_counter SET number = number + 1;
    INSERT INTO row_change (kind, id, number) SELECT NEW.kind, NEW.id, number FROM change_counter WHERE TRUE
    ON CONFLICT (kind, id) DO UPDATE SET number = excluded.number;
END;
