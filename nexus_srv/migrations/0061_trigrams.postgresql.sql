-- Words are found anywhere in what is searched in by PostgreSQL's own index of three letters, where the server has it and lets us: it is an
-- extension that comes with PostgreSQL, but may not be installed. Without it searches look through the rows.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX company_trigram ON company USING gin (search gin_trgm_ops);
        CREATE INDEX contact_trigram ON contact USING gin (search gin_trgm_ops);
        CREATE INDEX location_trigram ON location USING gin (search gin_trgm_ops);
        CREATE INDEX asset_trigram ON asset USING gin (search gin_trgm_ops);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'pg_trgm may not be installed here: searches look through the rows';
END;
$$;
