CREATE FUNCTION revision_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revision is never changed' USING ERRCODE = 'integrity_constraint_violation';
END;
$$;
CREATE TRIGGER revision_is_not_changed BEFORE UPDATE ON revision FOR EACH ROW EXECUTE FUNCTION revision_refuses();
