-- The three roles of tally. Run by a role with CREATEROLE, once per cluster; running it again changes nothing.
-- tallyd runs it itself where it may (always in its private cluster); elsewhere a DBA does, as the user of database.url:
--   psql "$URL" -f roles.sql
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tally_admin', 'tally_collector', 'tally_reader'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO tally_admin', current_database());
    IF NOT has_schema_privilege('tally_admin', 'public', 'CREATE') THEN
        GRANT CREATE, USAGE ON SCHEMA public TO tally_admin;
    END IF;
    IF NOT has_schema_privilege('tally_reader', 'public', 'USAGE') THEN
        GRANT USAGE ON SCHEMA public TO tally_collector, tally_reader;
    END IF;
END
$$;
