-- Duties are leased like slots: the token fences what a node that was taken for dead still does.
ALTER TABLE duties ADD COLUMN lease_token  bigint,
                   ADD COLUMN attempt      integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
                   ADD COLUMN started_at   timestamptz,
                   ADD COLUMN requested_at timestamptz,
                   ADD COLUMN last_result  text NOT NULL DEFAULT '',
                   ADD CHECK ((lease_token IS NULL) = (lease_node IS NULL));
COMMENT ON COLUMN duties.due_at IS 'do it from then on: the regular time, another try, or a person''s wish';
COMMENT ON COLUMN duties.lease_token IS 'every step and the end must name it';
COMMENT ON COLUMN duties.attempt IS 'attempts since the last success, the one under way included';
COMMENT ON COLUMN duties.started_at IS 'of the attempt under way';
COMMENT ON COLUMN duties.requested_at IS 'when a person last asked for it; served by an attempt that started later';
COMMENT ON COLUMN duties.last_start IS 'of the latest attempt that ended, with last_end, last_error and last_result';
COMMENT ON COLUMN duties.last_error IS 'empty: it went well';
COMMENT ON COLUMN duties.last_result IS 'what it did, in words';

CREATE TABLE tier_schedules (
    tier     text COLLATE "C" PRIMARY KEY,
    schedule text NOT NULL
);
COMMENT ON TABLE tier_schedules IS 'By what the planned slots of a tier were planned; when the configuration says something else, they are planned anew.';
GRANT SELECT ON tier_schedules TO tally_collector, tally_reader;

-- Who waited for the lock may still hold in its cache that the table is not there: pg_class itself is read.
CREATE OR REPLACE FUNCTION make_partition(parent regclass, partition_name text, from_value text, to_value text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tally partition ' || partition_name, 0));
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %s INCLUDING ALL)', partition_name, parent);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition_name, from_value,
                   to_value);
    RETURN true;
END
$$;
