-- What status and health ask.

-- name: schema_state
SELECT max(version) AS version, pg_database_size(current_database()) AS size_bytes FROM schema_migrations

-- name: node_states
SELECT n.node_id, n.host, n.pid, n.version, n.started_at, n.alive_until > now() AS alive,
       (SELECT count(*) FROM slots s WHERE s.lease_node = n.node_id) AS leases
  FROM nodes n ORDER BY n.started_at

-- name: users_by_tier
SELECT tier, count(*) AS users FROM users GROUP BY tier

-- name: slots_by_tier
SELECT u.tier, min(s.slot_at) FILTER (WHERE s.slot_at > now()) AS next_slot
  FROM slots s JOIN connections c USING (connection_id) JOIN users u USING (user_id)
 WHERE c.state = 'active'
 GROUP BY u.tier

-- name: platform_connections
SELECT platform, count(*) AS connections, count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state IN ('needs_authorization', 'gone')) AS needs_attention
  FROM connections GROUP BY platform ORDER BY platform

-- name: runs_by_platform
SELECT platform, max(finished_at) FILTER (WHERE state <> 'failed') AS last_success_at,
       count(*) FILTER (WHERE state = 'failed') AS failed
  FROM runs WHERE started_at > now() - interval '1 day' GROUP BY platform

-- name: backlog
SELECT count(*) FILTER (WHERE s.due_at <= now() AND n.node_id IS NULL) AS due,
       count(*) FILTER (WHERE n.node_id IS NOT NULL) AS running,
       min(s.due_at) FILTER (WHERE s.due_at <= now() AND n.node_id IS NULL) AS oldest_due_at,
       (SELECT count(*) FROM triggers WHERE state = 'waiting') AS waiting_manual
  FROM slots s LEFT JOIN nodes n ON n.node_id = s.lease_node AND n.alive_until > now()
 WHERE s.due_at <= now() OR s.lease_node IS NOT NULL

-- name: runs_last_day
SELECT count(*) FILTER (WHERE state = 'succeeded') AS succeeded, count(*) FILTER (WHERE state = 'partial') AS partial,
       count(*) FILTER (WHERE state = 'failed') AS failed, coalesce(sum(rows_written), 0)::bigint AS rows_written,
       coalesce(sum(rows_changed), 0)::bigint AS rows_changed, max(finished_at) AS last_finished_at
  FROM runs WHERE started_at > now() - interval '1 day'

-- name: connections_needing_a_person
SELECT user_id, platform, account_id, state, state_reason, state_since
  FROM connections WHERE state IN ('needs_authorization', 'gone')
 ORDER BY state_since DESC LIMIT $1

-- name: alerts_for_attention
-- $1 limit: open ones that nobody acknowledged. Connections that need a person are found by their state.
SELECT alert_id, kind, subject, message, raised_at
  FROM alerts
 WHERE resolved_at IS NULL AND acked_at IS NULL AND kind NOT IN ('needs_authorization', 'gone')
 ORDER BY raised_at DESC, alert_id DESC LIMIT $1

-- name: failing_platforms
-- Platforms whose latest ten runs within the hour all failed: not one account's trouble.
SELECT platform, min(started_at) AS since, (array_agg(error ORDER BY started_at DESC))[1] AS error
  FROM (SELECT platform, state, error, started_at,
               row_number() OVER (PARTITION BY platform ORDER BY started_at DESC) AS recency
          FROM runs WHERE started_at > now() - interval '1 hour') AS recent
 WHERE recency <= 10
 GROUP BY platform HAVING bool_and(state = 'failed')

-- name: list_runs
-- $1 user, $2 platform, $3 state, $4 limit; NULL: any
SELECT run_id, slot_at, started_at, finished_at, user_id, platform, account_id, trigger, state, requests, rows_written,
       rows_changed, error_class, error, node, attempt
  FROM runs
 WHERE ($1::text IS NULL OR user_id = $1) AND ($2::text IS NULL OR platform = $2) AND ($3::text IS NULL OR state = $3)
 ORDER BY started_at DESC, run_id DESC
 LIMIT $4

-- name: show_run
SELECT run_id, slot_at, started_at, finished_at, user_id, platform, account_id, trigger, state, requests, rows_written,
       rows_changed, error_class, error, node, attempt
  FROM runs WHERE run_id = $1
