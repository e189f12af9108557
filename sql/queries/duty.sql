-- Duties: who does them when, and what they do. "Now" is the database's clock.

-- name: plan_duty
-- $1 name, $2 when a new one is due, $3 its next regular time: what a wrong clock or an older program has put further off
-- comes back.
INSERT INTO duties (name, due_at) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET due_at = $3 WHERE duties.due_at > $3

-- name: claim_duty
-- $1 now (NULL: the database's clock), $2 node, $3 names that this program knows. What another living node holds is passed
-- over. What this node itself holds is free: it asks only while it does none, so the end of that one was never written.
WITH due AS (
    SELECT d.name FROM duties d
     WHERE d.due_at <= coalesce($1::timestamptz, now()) AND d.name = ANY ($3::text[])
       AND EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = $2 AND n.alive_until > now())
       AND NOT EXISTS (SELECT 1 FROM nodes n
                        WHERE n.node_id = d.lease_node AND n.node_id <> $2 AND n.alive_until > now())
     ORDER BY d.due_at, d.name
     LIMIT 1
       FOR UPDATE OF d SKIP LOCKED
)
UPDATE duties d
   SET lease_token = nextval('lease_token'), lease_node = $2, attempt = d.attempt + 1, started_at = now()
  FROM due WHERE d.name = due.name
RETURNING d.name, d.lease_token, d.attempt, now() AS at

-- name: hold_duty
-- $1 name, $2 token. No row: the lease is lost. Nobody takes it while the transaction lasts.
SELECT 1 FROM duties WHERE name = $1 AND lease_token = $2 FOR SHARE

-- name: finish_duty
-- $1 name, $2 token, $3 due next, $4 result. What a person asked for after the start is done once more, at once.
UPDATE duties
   SET due_at = CASE WHEN requested_at > started_at THEN now() ELSE $3 END, lease_token = NULL, lease_node = NULL,
       attempt = 0, last_start = started_at, last_end = clock_timestamp(), started_at = NULL, last_error = '',
       last_result = $4
 WHERE name = $1 AND lease_token = $2

-- name: fail_duty
-- $1 name, $2 token, $3 when to try again, $4 error
UPDATE duties
   SET due_at = CASE WHEN requested_at > started_at THEN now() ELSE $3 END, lease_token = NULL, lease_node = NULL,
       last_start = started_at, last_end = clock_timestamp(), started_at = NULL, last_error = $4, last_result = ''
 WHERE name = $1 AND lease_token = $2

-- name: release_duty
-- $1 name, $2 token: broken off, due at once again, the attempt not counted
UPDATE duties
   SET lease_token = NULL, lease_node = NULL, attempt = greatest(attempt - 1, 0), started_at = NULL
 WHERE name = $1 AND lease_token = $2

-- name: request_duty
-- $1 name: do it now
UPDATE duties SET due_at = least(due_at, now()), requested_at = now() WHERE name = $1 RETURNING requested_at

-- name: list_duties
-- $1 names
SELECT d.name, d.due_at, d.attempt, d.last_start, d.last_end, d.last_error, d.last_result,
       extract(epoch FROM d.last_end - d.last_start)::float8::text AS took_seconds,
       n.node_id AS node, CASE WHEN n.node_id IS NOT NULL THEN d.started_at END AS running_since
  FROM duties d LEFT JOIN nodes n ON n.node_id = d.lease_node AND n.alive_until > now()
 WHERE d.name = ANY ($1::text[])

-- Partitions ----------------------------------------------------------------------------------------------------------

-- name: database_day
SELECT (now() AT TIME ZONE 'UTC')::date AS today, now() AS at

-- name: partitions_of
-- $1 table. Partitions with two bounds, the oldest first; the end is exclusive.
SELECT name, (first::timestamptz AT TIME ZONE 'UTC')::date AS first, (past::timestamptz AT TIME ZONE 'UTC')::date AS past
  FROM (SELECT c.relname AS name, substring(b.bounds FROM $$FROM \('([^']+)'\)$$) AS first,
               substring(b.bounds FROM $$TO \('([^']+)'\)$$) AS past
          FROM pg_inherits i
          JOIN pg_class c ON c.oid = i.inhrelid
         CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS b(bounds)
         WHERE i.inhparent = $1::text::regclass) AS bound
 WHERE first IS NOT NULL AND past IS NOT NULL
 ORDER BY first

-- Retention -----------------------------------------------------------------------------------------------------------

-- name: users_with_snapshots
-- $1 after this user, $2 tiers, $3 the oldest day each of them keeps (NULL: all), $4 the same for everybody else, $5 limit,
-- $6 days for which the tier before goes on to keep, $7 first day of a partition, $8 first day after it. Users who have numbers
-- there, each found with one look into the key: nobody's rows are walked.
WITH RECURSIVE present AS (
    (SELECT user_id, 1 AS n FROM analytics_snapshots
      WHERE date >= $7 AND date < $8 AND user_id > $1 ORDER BY user_id LIMIT 1)
    UNION ALL
    SELECT next.user_id, p.n + 1
      FROM present p
     CROSS JOIN LATERAL (SELECT s.user_id FROM analytics_snapshots s
                          WHERE s.date >= $7 AND s.date < $8 AND s.user_id > p.user_id ORDER BY s.user_id LIMIT 1) AS next
     WHERE p.n < $5
)
SELECT p.user_id, oldest_kept(u.tier, u.tier_before, u.tier_since, $2, $3, $4, $6) AS oldest
  FROM present p
  LEFT JOIN users u ON u.user_id = p.user_id
 ORDER BY p.user_id

-- name: delete_snapshots
-- $1 users, $2 the oldest day that each keeps, $3 limit, $4 first day of a partition, $5 first day after it
DELETE FROM analytics_snapshots s
 USING (SELECT a.tableoid AS part, a.ctid AS place
          FROM unnest($1::text[], $2::date[]) AS u(user_id, oldest)
          JOIN analytics_snapshots a ON a.user_id = u.user_id AND a.date < u.oldest
         WHERE a.date >= $4 AND a.date < $5
         LIMIT $3) AS old
 WHERE s.ctid = old.place AND s.tableoid = old.part AND s.date >= $4 AND s.date < $5

-- name: users_with_revisions
-- As above, without partitions.
WITH RECURSIVE present AS (
    (SELECT user_id, 1 AS n FROM snapshot_revisions WHERE user_id > $1 ORDER BY user_id LIMIT 1)
    UNION ALL
    SELECT next.user_id, p.n + 1
      FROM present p
     CROSS JOIN LATERAL (SELECT s.user_id FROM snapshot_revisions s
                          WHERE s.user_id > p.user_id ORDER BY s.user_id LIMIT 1) AS next
     WHERE p.n < $5
)
SELECT p.user_id, oldest_kept(u.tier, u.tier_before, u.tier_since, $2, $3, $4, $6) AS oldest
  FROM present p
  LEFT JOIN users u ON u.user_id = p.user_id
 ORDER BY p.user_id

-- name: delete_revisions
-- $1 users, $2 the oldest day that each keeps, $3 limit
DELETE FROM snapshot_revisions s
 USING (SELECT a.ctid AS place
          FROM unnest($1::text[], $2::date[]) AS u(user_id, oldest)
          JOIN snapshot_revisions a ON a.user_id = u.user_id AND a.date < u.oldest
         LIMIT $3) AS old
 WHERE s.ctid = old.place

-- name: delete_coverage
-- $1 after this connection, $2 up to this one, $3 tiers, $4 the oldest day each of them knows (NULL: all), $5 the same for
-- other tiers, $6 days for which the tier before goes on to keep. Stretches that begin earlier and go on are cut by the
-- connection's next run; what a run is writing now is passed over.
DELETE FROM coverage
 WHERE ctid = ANY (ARRAY (
           SELECT v.ctid
             FROM coverage v
             JOIN connections c USING (connection_id)
             JOIN users u USING (user_id)
            WHERE c.connection_id > $1 AND c.connection_id <= $2
              AND v.last_day < oldest_kept(u.tier, u.tier_before, u.tier_since, $3, $4, $5, $6)
              FOR UPDATE OF v SKIP LOCKED))

-- name: connections_after
-- $1 after this connection, $2 so many: the last one of them
SELECT max(connection_id) AS last
  FROM (SELECT connection_id FROM connections WHERE connection_id > $1 ORDER BY connection_id LIMIT $2) AS next

-- History -------------------------------------------------------------------------------------------------------------

-- name: delete_ended_triggers
-- $1 before, $2 limit
DELETE FROM triggers
 WHERE ctid = ANY (ARRAY (SELECT ctid FROM triggers WHERE state <> 'waiting' AND requested_at < $1 LIMIT $2))

-- name: delete_slot_exceptions
DELETE FROM slot_exceptions WHERE ctid = ANY (ARRAY (SELECT ctid FROM slot_exceptions WHERE at < $1 LIMIT $2))

-- name: delete_run_stats
DELETE FROM run_stats WHERE ctid = ANY (ARRAY (SELECT ctid FROM run_stats WHERE hour < $1 LIMIT $2))

-- name: delete_resolved_alerts
DELETE FROM alerts WHERE ctid = ANY (ARRAY (SELECT ctid FROM alerts WHERE resolved_at < $1 LIMIT $2))

-- Quality -------------------------------------------------------------------------------------------------------------

-- name: counters_to_check
-- $1 after this user, $2 so many users, $3 platforms and $4 their counters, $5 first day. What each counter was on its days, as
-- [[days since 1970, value], …], where the last step is a large one; and the last user that was looked at.
WITH chosen AS (SELECT user_id FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2),
     wanted AS (SELECT * FROM unnest($3::text[], $4::text[]) AS w(platform, metric)),
     series AS (
         SELECT s.user_id, s.platform, s.account_id, s.metric, array_agg(s.value ORDER BY s.date DESC) AS newest,
                json_agg(json_build_array(s.date - DATE '1970-01-01', s.value) ORDER BY s.date)::text AS days
           FROM chosen
           JOIN analytics_snapshots s USING (user_id)
           JOIN wanted USING (platform, metric)
          WHERE s.date >= $5
          GROUP BY s.user_id, s.platform, s.account_id, s.source, s.metric
     )
SELECT l.last, x.user_id, x.platform, x.account_id, x.metric, x.days
  FROM (SELECT max(user_id) AS last FROM chosen) l
  LEFT JOIN series x ON x.newest[1] = 0 OR abs(x.newest[1] - x.newest[2]) > 0.1 * greatest(x.newest[1], x.newest[2])
 ORDER BY x.user_id, x.platform, x.account_id, x.metric

-- Statistics ----------------------------------------------------------------------------------------------------------

-- name: parents_to_analyze
-- Partitioned tables, which autovacuum never looks at: those whose size is not what the planner believes, and those whose
-- partitions were looked at since, once a day, because the newest days are what everybody asks for.
SELECT p.relname AS name
  FROM pg_class p
  JOIN LATERAL (SELECT sum(s.n_live_tup) AS rows, max(greatest(s.last_analyze, s.last_autoanalyze)) AS analyzed
                  FROM pg_inherits i JOIN pg_stat_user_tables s ON s.relid = i.inhrelid
                 WHERE i.inhparent = p.oid) AS parts ON true
  LEFT JOIN pg_stat_user_tables own ON own.relid = p.oid
 WHERE p.relkind = 'p' AND p.relnamespace = 'public'::regnamespace
   AND parts.rows > 0
   AND (own.last_analyze IS NULL
        OR abs(parts.rows - p.reltuples) > 1000 + 0.1 * greatest(p.reltuples, 0)
        OR (own.last_analyze < now() - interval '1 day' AND parts.analyzed > own.last_analyze))
 ORDER BY p.relname

-- name: tables_to_analyze
-- Tables that changed so much that autovacuum should have been there: it is busy, off, or has not come by since an import.
SELECT s.relname AS name
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
 WHERE s.schemaname = 'public' AND c.relkind = 'r'
   AND s.n_mod_since_analyze > 1000 + 0.1 * greatest(c.reltuples, 0)
 ORDER BY s.n_mod_since_analyze DESC

-- Schedules -----------------------------------------------------------------------------------------------------------

-- name: changed_schedules
-- $1 tiers, $2 their schedules: tiers whose planned slots follow another one
SELECT t.tier
  FROM unnest($1::text[], $2::text[]) AS t(tier, schedule)
  LEFT JOIN tier_schedules p USING (tier)
 WHERE p.schedule IS DISTINCT FROM t.schedule
 ORDER BY t.tier

-- name: slots_to_plan
-- $1 tier, $2 after this connection, $3 up to this one: slots that have not come yet, locked in the order in which everybody locks
-- them. The stretch is bounded at both ends, whatever the planner knows of the tables: without that it once read all users for
-- each thousand slots.
SELECT s.connection_id
  FROM slots s
  JOIN connections c USING (connection_id)
  JOIN users u USING (user_id)
 WHERE u.tier = $1 AND s.connection_id > $2 AND s.connection_id <= $3 AND s.slot_at > now()
 ORDER BY s.connection_id
   FOR UPDATE OF s

-- name: note_schedule
-- $1 tier, $2 schedule
INSERT INTO tier_schedules (tier, schedule) VALUES ($1, $2)
ON CONFLICT (tier) DO UPDATE SET schedule = excluded.schedule
