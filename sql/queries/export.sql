-- Statements of tallyctl's exports. They run as tally_reader.

-- name: export_snapshots
-- $1 user, $2 platform, $3 metric as a LIKE pattern, $4 first day, $5 last day; NULL: no such condition.
-- The columns and their order are a contract (tallyctl(1), EXPORT). Collation "C", so that the order of rows does not depend on
-- the database's locale.
SELECT user_id, platform, account_id, source, metric, date, value, unit, final, fetched_at, revision, metadata
  FROM snapshots_export
 WHERE ($1::text IS NULL OR user_id = $1::text)
   AND ($2::text IS NULL OR platform = $2::text)
   AND ($3::text IS NULL OR metric LIKE $3::text)
   AND ($4::date IS NULL OR date >= $4::date)
   AND ($5::date IS NULL OR date <= $5::date)
 ORDER BY user_id COLLATE "C", platform COLLATE "C", account_id COLLATE "C", source COLLATE "C", metric COLLATE "C", date
