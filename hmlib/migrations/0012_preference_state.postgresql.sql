-- Counts the changes of the settings, whoever makes them: a process that has read them at one count need not read them again at the same.
CREATE TABLE preference_state (
    id BIGINT PRIMARY KEY CONSTRAINT preference_state_is_one CHECK (id = 1),
    state BIGINT NOT NULL
);
INSERT INTO preference_state (id, state) VALUES (1, 1);

CREATE FUNCTION preference_state_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE preference_state SET state = state + 1;
    RETURN NULL;
END;
$$;

CREATE TRIGGER preference_counts AFTER INSERT OR UPDATE OR DELETE ON preference FOR EACH STATEMENT EXECUTE FUNCTION preference_state_counts();
