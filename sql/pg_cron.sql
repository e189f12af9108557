-- pg_cron as the clock: the slots of tiers with `cron: external` come from jobs of the pg_cron extension, or from whatever
-- else calls tally_trigger(). Run by a superuser in tally's database, once tallyd has made its tables; running it again
-- changes nothing:
--   psql "$URL" -v ON_ERROR_STOP=1 -f pg_cron.sql
-- The role that runs it may call the function and owns the jobs.

-- Makes the regular slot of every active connection of a tier (NULL: of all tiers) be now, plus the connection's own place
-- within `spread`, which never changes. A slot that is due or comes sooner stays: it stands for this firing too. A run under
-- way keeps what is moved here. Gives how many slots were moved. The slots are locked first, in the order in which whoever
-- stores a run locks them.
CREATE OR REPLACE FUNCTION public.tally_trigger(tier text DEFAULT NULL, spread interval DEFAULT '0') RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moved bigint;
BEGIN
    IF spread < '0' THEN
        RAISE EXCEPTION 'the spread must not be negative: %', spread USING HINT = 'Write an interval such as 4 hours.';
    END IF;
    WITH chosen AS (
        SELECT s.connection_id,
               -- 32 bits of a digest: the same place after every upgrade
               now() + spread * ((('x' || left(md5(s.connection_id::text), 8))::bit(32)::bigint) / 4294967296.0) AS slot_at
          FROM slots s JOIN connections c USING (connection_id) JOIN users u USING (user_id)
         WHERE c.state = 'active' AND (tally_trigger.tier IS NULL OR u.tier = tally_trigger.tier) AND s.slot_at > now()
         ORDER BY s.connection_id
           FOR UPDATE OF s
    )
    -- Collection waits on when it was told to wait past the slot.
    UPDATE slots s
       SET slot_at = n.slot_at, attempt = 0,
           collect_at = CASE WHEN s.collect_at > s.slot_at THEN s.collect_at ELSE least(s.collect_at, n.slot_at) END
      FROM chosen n
     WHERE s.connection_id = n.connection_id AND s.slot_at > n.slot_at;
    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM pg_notify('tally', '');
    RETURN moved;
END
$$;
COMMENT ON FUNCTION public.tally_trigger(text, interval) IS 'Makes the slots of a tier be now, see sql/pg_cron.sql.';
ALTER FUNCTION public.tally_trigger(text, interval) OWNER TO tally_admin;
REVOKE ALL ON FUNCTION public.tally_trigger(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.tally_trigger(text, interval) TO CURRENT_USER;

-- The jobs of the two tiers of the default configuration, unless jobs of these names exist; for tiers of your own, add jobs
-- like these. pg_cron lives in the one database that cron.database_name tells, and reads its lines in cron.timezone (before
-- pg_cron 1.5: always in GMT). Set `cron: external` for these tiers in tallyd.yaml, or they keep a schedule of their own
-- beside this one. To take the jobs away again, in pg_cron's database:
--   SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname IN ('tally premium', 'tally free');
-- and to take the function away: DROP FUNCTION tally_trigger(text, interval);
-- A tier that gets a schedule of its own back wants `SELECT tally_trigger('TIER')` once, from where it goes on by itself.
DO $$
DECLARE
    home text := current_setting('cron.database_name', true);
    job record;
BEGIN
    IF home IS NULL THEN
        RAISE NOTICE 'pg_cron is not loaded: tally_trigger() is there, but nothing calls it'
            USING HINT = 'Put pg_cron into shared_preload_libraries, restart PostgreSQL, and run this file again.';
        RETURN;
    END IF;
    IF home = current_database() THEN
        CREATE EXTENSION IF NOT EXISTS pg_cron;
    END IF;
    FOR job IN
        SELECT * FROM (VALUES ('tally premium', '*/15 * * * *', $job$SELECT public.tally_trigger('premium')$job$),
                              ('tally free', '0 2 * * *', $job$SELECT public.tally_trigger('free', '4 hours')$job$))
                 AS jobs(name, line, command)
    LOOP
        IF home <> current_database() THEN
            RAISE NOTICE 'pg_cron lives in the database "%": run there: SELECT cron.schedule_in_database(%, %, %, %);', home,
                quote_literal(job.name), quote_literal(job.line), quote_literal(job.command),
                quote_literal(current_database());
        ELSIF NOT EXISTS (SELECT 1 FROM cron.job j WHERE j.jobname = job.name) THEN
            PERFORM cron.schedule(job.name, job.line, job.command);
        END IF;
    END LOOP;
END
$$;
