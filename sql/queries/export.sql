-- Statements of tallyctl's exports. They run as tally_reader.

-- name: export_snapshots
-- $1 users, $2 tiers; LIKE patterns of $3 platforms, $4 accounts, $5 sources, $6 metrics; $7 first day, $8 last day, $9 stored since;
-- NULL: no such condition. With --as-of the view is replaced by the function snapshots_as_of().
-- The columns and their order are a contract (tallyctl(1), EXPORT). Collation "C", so that the order of rows does not depend on
-- the database's locale.
SELECT user_id, platform, account_id, source, metric, date, value, unit, final, fetched_at, revision, metadata
  FROM snapshots_export
 WHERE ($1::text[] IS NULL OR user_id = ANY ($1::text[]))
   AND ($2::text[] IS NULL OR user_id IN (SELECT u.user_id FROM users u WHERE u.tier = ANY ($2::text[])))
   AND ($3::text[] IS NULL OR platform LIKE ANY ($3::text[]))
   AND ($4::text[] IS NULL OR account_id LIKE ANY ($4::text[]))
   AND ($5::text[] IS NULL OR source LIKE ANY ($5::text[]))
   AND ($6::text[] IS NULL OR metric LIKE ANY ($6::text[]))
   AND ($7::date IS NULL OR date >= $7::date)
   AND ($8::date IS NULL OR date <= $8::date)
   AND ($9::timestamptz IS NULL OR fetched_at >= $9::timestamptz)
 ORDER BY user_id COLLATE "C", platform COLLATE "C", account_id COLLATE "C", source COLLATE "C", metric COLLATE "C", date

-- name: export_metrics
-- $1 to $9 as above, $10 limit: the columns of a wide export.
SELECT DISTINCT metric COLLATE "C" AS metric
  FROM snapshots_export
 WHERE ($1::text[] IS NULL OR user_id = ANY ($1::text[]))
   AND ($2::text[] IS NULL OR user_id IN (SELECT u.user_id FROM users u WHERE u.tier = ANY ($2::text[])))
   AND ($3::text[] IS NULL OR platform LIKE ANY ($3::text[]))
   AND ($4::text[] IS NULL OR account_id LIKE ANY ($4::text[]))
   AND ($5::text[] IS NULL OR source LIKE ANY ($5::text[]))
   AND ($6::text[] IS NULL OR metric LIKE ANY ($6::text[]))
   AND ($7::date IS NULL OR date >= $7::date)
   AND ($8::date IS NULL OR date <= $8::date)
   AND ($9::timestamptz IS NULL OR fetched_at >= $9::timestamptz)
 ORDER BY 1
 LIMIT $10::bigint

-- name: export_by_day
-- $1 to $9 as above: the numbers of a day together, for a wide export. The order begins as the key does: where the planner takes
-- an incremental sort, it holds the numbers of one account.
SELECT user_id, platform, account_id, source, date, metric, value
  FROM snapshots_export
 WHERE ($1::text[] IS NULL OR user_id = ANY ($1::text[]))
   AND ($2::text[] IS NULL OR user_id IN (SELECT u.user_id FROM users u WHERE u.tier = ANY ($2::text[])))
   AND ($3::text[] IS NULL OR platform LIKE ANY ($3::text[]))
   AND ($4::text[] IS NULL OR account_id LIKE ANY ($4::text[]))
   AND ($5::text[] IS NULL OR source LIKE ANY ($5::text[]))
   AND ($6::text[] IS NULL OR metric LIKE ANY ($6::text[]))
   AND ($7::date IS NULL OR date >= $7::date)
   AND ($8::date IS NULL OR date <= $8::date)
   AND ($9::timestamptz IS NULL OR fetched_at >= $9::timestamptz)
 ORDER BY user_id COLLATE "C", platform COLLATE "C", account_id COLLATE "C", source COLLATE "C", date, metric COLLATE "C"

-- name: export_connections
-- $1 users, $2 tiers, LIKE patterns of $3 platforms and $4 accounts: whose days are wanted, in the order of the export's rows.
SELECT user_id, platform, account_id
  FROM connections
 WHERE ($1::text[] IS NULL OR user_id = ANY ($1::text[]))
   AND ($2::text[] IS NULL OR user_id IN (SELECT u.user_id FROM users u WHERE u.tier = ANY ($2::text[])))
   AND ($3::text[] IS NULL OR platform LIKE ANY ($3::text[]))
   AND ($4::text[] IS NULL OR account_id LIKE ANY ($4::text[]))
 ORDER BY user_id COLLATE "C", platform COLLATE "C", account_id COLLATE "C"
