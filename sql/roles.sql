-- The three roles of tally; safe to run again. Run by the migration; needs CREATEROLE only while a role is missing.
-- tally_admin owns everything, makes and drops partitions; tally_collector is the daemon; tally_reader exports.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tally_admin', 'tally_collector', 'tally_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this cluster was migrated at the same moment
            END;
        END IF;
        -- A superuser may become anyone; everyone else has to be a member.
        IF NOT pg_has_role(session_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, session_user);
        END IF;
    END LOOP;
    IF NOT has_schema_privilege('tally_admin', 'public', 'CREATE') THEN
        GRANT USAGE, CREATE ON SCHEMA public TO tally_admin;
    END IF;
    IF NOT has_database_privilege('tally_collector', current_database(), 'TEMPORARY') THEN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tally_collector', current_database());
    END IF;
END
$$;
