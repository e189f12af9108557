-- What was known at an earlier moment, from the values that platforms have restated since.
CREATE FUNCTION snapshots_as_of(at timestamptz)
RETURNS TABLE (user_id text, platform text, account_id text, source text, metric text, date date, value double precision, unit text,
               final boolean, fetched_at timestamptz, revision integer, metadata jsonb)
STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT s.user_id, s.platform, s.account_id, s.source, s.metric, s.date, v.value, v.metadata ->> 'unit',
           coalesce((v.metadata ->> 'final')::boolean, false)
               OR coalesce((v.metadata ->> 'final_at')::timestamptz <= at, false),
           v.fetched_at, v.revision, v.metadata
      FROM analytics_snapshots s
     CROSS JOIN LATERAL (
               SELECT s.value, s.metadata, s.fetched_at, s.revision WHERE s.fetched_at <= at
                UNION ALL
               SELECT r.value, r.metadata, r.fetched_at, r.revision
                 FROM snapshot_revisions r
                WHERE s.fetched_at > at AND r.fetched_at <= at AND r.replaced_at > at
                  AND (r.user_id, r.platform, r.account_id, r.source, r.metric, r.date)
                      = (s.user_id, s.platform, s.account_id, s.source, s.metric, s.date)) v
     WHERE s.first_seen_at <= at
$$;
COMMENT ON FUNCTION snapshots_as_of IS 'snapshots_export as it was then. Numbers of a day that was running then and have been overtaken since are left out: only restated values of closed days are kept.';
