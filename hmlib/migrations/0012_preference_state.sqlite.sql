-- Counts the changes of the settings, whoever makes them: a process that has read them at one count need not read them again at the same.
CREATE TABLE preference_state (
    id BIGINT PRIMARY KEY CONSTRAINT preference_state_is_one CHECK (id = 1),
    state BIGINT NOT NULL
);
INSERT INTO preference_state (id, state) VALUES (1, 1);

CREATE TRIGGER preference_insert_counts AFTER INSERT ON preference BEGIN UPDATE preference_state SET state = state + 1; END;
CREATE TRIGGER preference_update_counts AFTER UPDATE ON preference BEGIN UPDATE preference_state SET state = state + 1; END;
CREATE TRIGGER preference_delete_counts AFTER DELETE ON preference BEGIN UPDATE preference_state SET state = state + 1; END;
