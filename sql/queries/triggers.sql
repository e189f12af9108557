-- Runs asked for by hand.

-- name: new_run_group
SELECT nextval('run_group') AS run_group

-- name: add_triggers
-- $1 group, $2 user, $3 platform, $4 account, $5 from, $6 to; NULL: any; $7 days after which days are long past. Somebody waits
-- for it, so it is due at once and without slack; long past days are collected in what time is left. The slots are locked first,
-- as by whoever stores a run.
WITH chosen AS (
    SELECT c.connection_id
      FROM connections c JOIN slots s USING (connection_id)
     WHERE c.state = 'active' AND ($2::text IS NULL OR c.user_id = $2) AND ($3::text IS NULL OR c.platform = $3)
       AND ($4::text IS NULL OR c.account_id = $4)
     ORDER BY c.connection_id
       FOR UPDATE OF s
), added AS (
    INSERT INTO triggers (run_group, connection_id, from_day, to_day)
    SELECT $1, connection_id, $5, $6 FROM chosen
    RETURNING connection_id, coalesce(from_day < (now() AT TIME ZONE 'UTC')::date - $7::int, false) AS may_wait
)
UPDATE slots s
   SET collect_at = CASE WHEN a.may_wait THEN s.collect_at ELSE least(s.collect_at, now()) END,
       slack = CASE WHEN a.may_wait THEN s.slack ELSE 0 END,
       spare_at = CASE WHEN a.may_wait THEN least(s.spare_at, now()) ELSE s.spare_at END
  FROM added a WHERE s.connection_id = a.connection_id

-- name: wake_nodes
-- Something has become due earlier than the nodes know.
SELECT pg_notify('tally', '')

-- name: tiers_of_scope
-- $1 user, $2 platform, $3 account; NULL: any
SELECT DISTINCT u.tier
  FROM connections c JOIN users u USING (user_id)
 WHERE c.state = 'active' AND ($1::text IS NULL OR c.user_id = $1) AND ($2::text IS NULL OR c.platform = $2)
   AND ($3::text IS NULL OR c.account_id = $3)
 ORDER BY u.tier

-- name: group_progress
-- requests_left: of what has begun; not_begun connections have no plan yet.
SELECT count(*) AS total,
       count(*) FILTER (WHERE t.state = 'waiting' AND n.node_id IS NULL) AS waiting,
       count(*) FILTER (WHERE t.state = 'waiting' AND n.node_id IS NOT NULL) AS running,
       count(*) FILTER (WHERE t.state = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE t.state = 'partial') AS partial,
       count(*) FILTER (WHERE t.state = 'failed') AS failed,
       sum(t.requests_made)::bigint AS requests_made, coalesce(sum(t.requests_left) FILTER (WHERE t.state = 'waiting'), 0)::bigint AS requests_left,
       count(*) FILTER (WHERE t.state = 'waiting' AND t.requests_left IS NULL) AS not_begun,
       min(t.requested_at) AS requested_at, extract(epoch FROM now() - min(t.requested_at))::bigint AS elapsed_seconds,
       coalesce(sum(r.rows_written), 0)::bigint AS rows_written,
       coalesce(sum(r.rows_changed), 0)::bigint AS rows_changed
  FROM triggers t
  LEFT JOIN slots s ON s.connection_id = t.connection_id
  LEFT JOIN nodes n ON n.node_id = s.lease_node AND n.alive_until > now()
  LEFT JOIN runs r ON r.run_id = t.run_id AND r.started_at > t.requested_at - interval '1 day'
 WHERE t.run_group = $1

-- name: running_backfills
-- $1 limit: groups that ask for days and are not done, the oldest first
SELECT run_group
  FROM triggers WHERE state = 'waiting' AND from_day IS NOT NULL
 GROUP BY run_group ORDER BY run_group LIMIT $1

-- name: group_days
SELECT min(from_day) AS first, max(to_day) AS last FROM triggers WHERE run_group = $1

-- name: group_failures
SELECT r.user_id, r.platform, r.account_id, r.run_id, r.error_class, r.error
  FROM triggers t JOIN runs r ON r.run_id = t.run_id AND r.started_at > t.requested_at - interval '1 day'
 WHERE t.run_group = $1 AND t.state IN ('failed', 'partial')
 ORDER BY r.user_id, r.platform, r.account_id
 LIMIT 100

-- name: connections_to_plan
-- For a dry run. $1 user, $2 platform, $3 account, $4 limit
SELECT c.connection_id, c.user_id, u.tier, c.platform, c.account_id, c.attributes
  FROM connections c JOIN users u USING (user_id)
 WHERE c.state = 'active' AND ($1::text IS NULL OR c.user_id = $1) AND ($2::text IS NULL OR c.platform = $2)
   AND ($3::text IS NULL OR c.account_id = $3)
 ORDER BY c.user_id, c.platform, c.account_id
 LIMIT $4
