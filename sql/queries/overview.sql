-- What status and health ask.

-- name: schema_state
SELECT max(version) AS version, pg_database_size(current_database()) AS size_bytes, current_setting('server_version') AS server_version
  FROM schema_migrations

-- name: node_states
SELECT node_id, host, pid, version, started_at, alive_until > now() AS alive, leases FROM nodes ORDER BY started_at

-- name: users_by_tier
SELECT tier, sum(users)::bigint AS users FROM user_counts GROUP BY tier HAVING sum(users) > 0

-- name: lateness_by_tier
-- How late slots were served since then, bucket by bucket.
SELECT r.tier, l.place - 1 AS bucket, sum(l.slots)::bigint AS slots
  FROM run_stats r CROSS JOIN LATERAL unnest(r.lateness) WITH ORDINALITY AS l(slots, place)
 WHERE r.hour > now() - interval '1 day' AND l.slots > 0
 GROUP BY r.tier, l.place

-- name: platform_connections
SELECT platform, sum(connections)::bigint AS connections,
       coalesce(sum(connections) FILTER (WHERE state = 'active'), 0)::bigint AS active,
       coalesce(sum(connections) FILTER (WHERE state IN ('needs_authorization', 'gone')), 0)::bigint AS needs_attention
  FROM connection_counts GROUP BY platform HAVING sum(connections) > 0 ORDER BY platform

-- name: runs_by_platform
SELECT platform, max(last_success_at) AS last_success_at, sum(failed)::bigint AS failed
  FROM run_stats WHERE hour > now() - interval '1 day' GROUP BY platform

-- name: backlog
-- $1 how many of each lane are counted at most: due and not begun
WITH due AS (
    SELECT count(h.due_at) AS slots, min(h.due_at) AS oldest
      FROM lanes l
      CROSS JOIN LATERAL (SELECT s.due_at FROM free_slots s WHERE s.lane = l.lane AND s.slack = l.slack AND s.due_at <= now()
                           ORDER BY s.due_at LIMIT $1) h
     GROUP BY l.lane, l.slack
)
SELECT coalesce(sum(slots), 0)::bigint AS due, coalesce(bool_or(slots >= $1), false) AS due_at_least, min(oldest) AS oldest_due_at,
       (SELECT count(*) FROM triggers WHERE state = 'waiting') AS waiting_manual
  FROM due

-- name: runs_last_day
SELECT coalesce(sum(succeeded), 0)::bigint AS succeeded, coalesce(sum(partial), 0)::bigint AS partial,
       coalesce(sum(failed), 0)::bigint AS failed, coalesce(sum(rows_written), 0)::bigint AS rows_written,
       coalesce(sum(rows_changed), 0)::bigint AS rows_changed, max(last_finished_at) AS last_finished_at
  FROM run_stats WHERE hour > now() - interval '1 day'

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

-- name: open_alerts_by_kind
SELECT kind, count(*) AS alerts FROM alerts WHERE resolved_at IS NULL GROUP BY kind

-- name: failing_platforms
-- Platforms whose latest ten runs within the hour all failed: not one account's trouble.
SELECT p.platform, min(r.started_at) AS since, (array_agg(r.error ORDER BY r.started_at DESC))[1] AS error
  FROM (SELECT DISTINCT platform FROM run_stats WHERE hour > now() - interval '2 hours') p
  CROSS JOIN LATERAL (SELECT state, error, started_at FROM runs
                       WHERE platform = p.platform AND started_at > now() - interval '1 hour'
                       ORDER BY started_at DESC LIMIT 10) r
 GROUP BY p.platform HAVING bool_and(r.state = 'failed')

-- name: list_runs
-- $1 user, $2 platform, $3 state, $4 limit, $5 before this run; NULL: any. The latest of each platform, and of them the latest.
SELECT r.run_id, r.slot_at, r.started_at, r.finished_at, r.user_id, r.platform, r.account_id, r.trigger, r.state, r.requests,
       r.rows_written, r.rows_changed, r.error_class, r.error, r.node, r.attempt
  FROM (SELECT DISTINCT platform FROM connection_counts WHERE $2::text IS NULL OR platform = $2) p
  CROSS JOIN LATERAL (SELECT * FROM runs
                       WHERE platform = p.platform AND ($1::text IS NULL OR user_id = $1) AND ($3::text IS NULL OR state = $3)
                         AND ($5::bigint IS NULL
                              OR (started_at, run_id) < (SELECT b.started_at, b.run_id FROM runs b WHERE b.run_id = $5))
                       ORDER BY started_at DESC, run_id DESC LIMIT $4) r
 ORDER BY r.started_at DESC, r.run_id DESC
 LIMIT $4

-- name: show_run
SELECT run_id, slot_at, started_at, finished_at, user_id, platform, account_id, trigger, state, requests, rows_written,
       rows_changed, error_class, error, node, attempt
  FROM runs WHERE run_id = $1

-- name: wait_of
-- $1 user, $2 platform, $3 account: all that decides when a connection is served next
SELECT c.connection_id, c.state, c.state_reason, c.state_since, u.tier, s.due_at, s.collect_at, s.upkeep_at, s.slot_at, s.spare_at,
       s.attempt, s.slack, s.lease_node, now() AS clock,
       NOT EXISTS (SELECT 1 FROM free_slots f WHERE f.connection_id = c.connection_id) AS leased,
       (SELECT count(*) FROM triggers t WHERE t.connection_id = c.connection_id AND t.state = 'waiting') AS triggers,
       (SELECT count(*) FROM (SELECT 1 FROM slots o WHERE o.lane = s.lane AND o.slack = s.slack AND o.due_at < s.due_at
                               LIMIT 1000) before) AS before,
       r.run_id, r.state AS run_state, r.finished_at, r.error_class, r.error
  FROM connections c
  JOIN users u USING (user_id)
  JOIN slots s USING (connection_id)
  LEFT JOIN LATERAL (SELECT * FROM runs WHERE runs.connection_id = c.connection_id ORDER BY started_at DESC LIMIT 1) r ON true
 WHERE c.user_id = $1 AND c.platform = $2 AND c.account_id = $3
