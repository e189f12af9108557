-- Numbers over time, for whoever asks what they come to.

-- name: describe_metrics
-- $1 platforms, $2 metrics, $3 units, $4 whether additive, $5 historic names. Gives what is new or different.
INSERT INTO metrics AS m (platform, metric, unit, additive, replaces)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[])
ON CONFLICT (platform, metric) DO UPDATE
   SET unit = excluded.unit, additive = excluded.additive, replaces = excluded.replaces
 WHERE (m.unit, m.additive, m.replaces) <> (excluded.unit, excluded.additive, excluded.replaces)
RETURNING platform, metric

-- name: metric_series
-- $1 users, $2 tiers, $3 patterns of platforms, $4 of accounts, $5 of sources, $6 of metrics (of each: NULL, all), $7 first day, $8 last
-- day, $9 whether broken-down metrics are wanted, too (those that $6 names always are). A JSON object a series, in the order of the key; points are
-- [days since 1970, value, final, seconds since 1970 when it was fetched; null when it is final].
SELECT json_build_object(
           'user_id', user_id, 'platform', platform, 'account_id', account_id, 'source', source, 'metric', metric,
           'unit', (array_agg(unit ORDER BY date DESC))[1], 'currency', (array_agg(currency ORDER BY date DESC))[1],
           'summary', (array_agg(summary ORDER BY date DESC))[1],
           'points', json_agg(json_build_array(date - DATE '1970-01-01', value, final,
                                                 CASE WHEN NOT final THEN extract(epoch FROM fetched_at)::bigint END) ORDER BY date))::text AS series
  FROM snapshots_described
 WHERE ($1::text[] IS NULL OR user_id = ANY ($1::text[]))
   AND ($2::text[] IS NULL OR user_id IN (SELECT u.user_id FROM users u WHERE u.tier = ANY ($2::text[])))
   AND ($3::text[] IS NULL OR platform LIKE ANY ($3::text[]))
   AND ($4::text[] IS NULL OR account_id LIKE ANY ($4::text[]))
   AND ($5::text[] IS NULL OR source LIKE ANY ($5::text[]))
   AND ($6::text[] IS NULL OR metric LIKE ANY ($6::text[]))
   AND date BETWEEN $7::date AND $8::date
   AND ($9::boolean OR $6::text[] IS NOT NULL OR position('.' IN metric) = 0)
 GROUP BY user_id, platform, account_id, source, metric
 ORDER BY user_id, platform, account_id, source, metric

-- name: explained_number
-- $1 user, $2 platform, $3 account, $4 source, $5 metric, $6 day
SELECT e.value, e.unit, e.final, e.fetched_at, e.revision, e.metadata, s.run_id, s.first_seen_at
  FROM analytics_snapshots s
  JOIN snapshots_export e USING (user_id, platform, account_id, source, metric, date)
 WHERE s.user_id = $1 AND s.platform = $2 AND s.account_id = $3 AND s.source = $4 AND s.metric = $5 AND s.date = $6::date

-- name: earlier_values
-- The same: what it was before the platform restated it, the newest first, and the runs as far as their log reaches.
SELECT v.revision, v.value, v.fetched_at, v.replaced_at, v.run_id, r.node
  FROM snapshot_revisions v
  LEFT JOIN runs r USING (run_id)
 WHERE v.user_id = $1 AND v.platform = $2 AND v.account_id = $3 AND v.source = $4 AND v.metric = $5 AND v.date = $6::date
 ORDER BY v.revision DESC

