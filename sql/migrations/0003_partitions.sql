-- Partitions on demand. The functions run as their owner, tally_admin, so that the collector can ask for a partition
-- without being allowed to drop one. A new table is attached instead of created as PARTITION OF, which would wait behind
-- every idle reader and block all inserts meanwhile; ATTACH takes a lock that reading and writing go on under.
CREATE FUNCTION make_partition(parent regclass, partition_name text, from_value text, to_value text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tally partition ' || partition_name, 0));
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %s INCLUDING ALL)', partition_name, parent);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition_name, from_value,
                   to_value);
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION make_partition(regclass, text, text, text) FROM PUBLIC;

CREATE FUNCTION ensure_snapshot_month(day date) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT make_partition('analytics_snapshots', to_char(day, '"analytics_snapshots_"YYYY_MM'),
                          date_trunc('month', day)::date::text, (date_trunc('month', day) + interval '1 month')::date::text)
$$;

CREATE FUNCTION ensure_runs_day(day date) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT make_partition('runs', to_char(day, '"runs_"YYYY_MM_DD'),
                          day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00')
$$;

REVOKE ALL ON FUNCTION ensure_snapshot_month(date), ensure_runs_day(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_snapshot_month(date), ensure_runs_day(date) TO tally_collector;
