-- Quarantine, alerts and budgets.

-- name: quarantine_of
-- $1 connection ids: what is refused for them alone
SELECT connection_id, request, metric, probe_at <= now() AS probe
  FROM quarantine WHERE connection_id = ANY ($1::bigint[])

-- name: platform_quarantine
-- What is refused for every connection. The probe is claimed by the statement below.
SELECT platform, request, metric FROM quarantine WHERE connection_id = 0

-- name: claim_probes
-- $1 seconds until the next one: each due probe goes to one node.
UPDATE quarantine SET probe_at = now() + make_interval(secs => $1)
 WHERE connection_id = 0 AND probe_at <= now()
RETURNING platform, request, metric

-- name: add_quarantine
-- $1 connection, $2 platform, $3 request, $4 metric, $5 seconds until the probe, $6 code, $7 message
INSERT INTO quarantine (connection_id, platform, request, metric, probe_at, code, message)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), $6, $7)
ON CONFLICT (connection_id, platform, request, metric) DO UPDATE
   SET probe_at = excluded.probe_at, code = excluded.code, message = excluded.message

-- name: refused_connections
-- $1 platform, $2 request, $3 metric, $4 when some connection last got it (or NULL)
SELECT count(*) AS connections, min(since) AS since
  FROM quarantine
 WHERE platform = $1 AND request = $2 AND metric = $3 AND connection_id <> 0 AND since > coalesce($4, '-infinity'::timestamptz)

-- name: quarantine_everywhere
-- $1 platform, $2 request, $3 metric, $4 seconds until the probe: one row for all in place of one for each
WITH merged AS (
    DELETE FROM quarantine WHERE platform = $1 AND request = $2 AND metric = $3 AND connection_id <> 0
    RETURNING since, code, message
)
INSERT INTO quarantine (connection_id, platform, request, metric, since, probe_at, code, message)
SELECT 0, $1, $2, $3, min(since), now() + make_interval(secs => $4), max(code), max(message) FROM merged HAVING count(*) > 0
ON CONFLICT (connection_id, platform, request, metric) DO NOTHING

-- name: end_quarantine
-- $1 connection, $2 platform, $3 request, $4 metric: an answer came again, to this connection's probe or to anyone's
DELETE FROM quarantine WHERE platform = $2 AND request = $3 AND metric = $4 AND connection_id IN (0, $1)

-- name: forget_quarantine
-- $1 connections that are no more. A statement of its own, after theirs: a run that was being stored meanwhile is seen.
DELETE FROM quarantine WHERE connection_id = ANY ($1::bigint[]) AND connection_id <> 0
RETURNING platform, request, metric

-- name: refusal_extent
-- $1 platform, $2 request, $3 metric: whom it is refused to, since when
SELECT coalesce(bool_or(connection_id = 0), false) AS everywhere, count(*) FILTER (WHERE connection_id <> 0) AS connections,
       to_char(min(since) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS since
  FROM quarantine WHERE platform = $1 AND request = $2 AND metric = $3

-- name: resolve_refusal
-- $1 subject of the alert, $2 platform, $3 request, $4 metric: over once nobody is refused it any more, in whatever
-- request where it is a metric
UPDATE alerts a SET resolved_at = now()
 WHERE a.kind = 'metric_refused' AND a.subject = $1 AND a.resolved_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM quarantine q
                    WHERE q.platform = $2 AND q.metric = $4 AND ($4::text <> '' OR q.request = $3))

-- name: list_quarantine
-- $1 platform or NULL
SELECT q.platform, q.request, q.metric, min(q.since) AS since, min(q.probe_at) AS probe_at, max(q.code) AS code,
       max(q.message) AS message, bool_or(q.connection_id = 0) AS everywhere, count(*) FILTER (WHERE q.connection_id <> 0) AS connections
  FROM quarantine q
 WHERE $1::text IS NULL OR q.platform = $1
 GROUP BY q.platform, q.request, q.metric
 ORDER BY q.platform, q.request, q.metric

-- name: raise_alert
-- $1 kind, $2 subject, $3 message. Gives whether it is new.
INSERT INTO alerts AS a (kind, subject, message) VALUES ($1, $2, $3)
ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE
   SET message = excluded.message, last_seen_at = now(), seen = a.seen + 1
RETURNING a.seen = 1 AS is_new

-- name: resolve_alert
-- $1 kind, $2 subject
UPDATE alerts SET resolved_at = now() WHERE kind = $1 AND subject = $2 AND resolved_at IS NULL

-- name: resolve_alerts_on
-- $1 kind, $2 subjects
UPDATE alerts SET resolved_at = now() WHERE kind = $1 AND subject = ANY ($2::text[]) AND resolved_at IS NULL

-- name: resolve_alerts_of
-- $1 a connection as alerts name it (those of its metrics name the metric behind), $2 how those of a user begin; NULL: none
UPDATE alerts SET resolved_at = now()
 WHERE kind IN ('data_quality', 'given_up', 'gone', 'missing_scope', 'needs_authorization', 'token_expiring') AND resolved_at IS NULL
   AND (subject = $1 OR starts_with(subject, $1 || ' ') OR starts_with(subject, $2))

-- name: resolve_alerts_except
-- $1 kind, $2 subjects that still hold
UPDATE alerts SET resolved_at = now() WHERE kind = $1 AND resolved_at IS NULL AND NOT subject = ANY ($2::text[])

-- name: list_alerts
-- $1 whether resolved ones are wanted too, $2 limit
SELECT alert_id, kind, subject, message, raised_at, last_seen_at, seen, acked_at, resolved_at
  FROM alerts WHERE $1 OR resolved_at IS NULL
 ORDER BY resolved_at IS NOT NULL, raised_at DESC LIMIT $2

-- name: ack_alert
UPDATE alerts SET acked_at = coalesce(acked_at, now()) WHERE alert_id = $1 AND resolved_at IS NULL

-- name: open_budget
-- $1 platform, $2 scope, $3 key, $4 limit, $5 window start, $6 window end: makes the row that the grant locks. Whoever
-- opens a window at the same moment waits here.
INSERT INTO rate_budgets (platform, scope, key, name, window_start, window_end) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (platform, scope, key, name) DO NOTHING

-- name: budget_before
-- $1 platform, $2 scope, $3 key, $4 limit, $5 window start: what was granted in this window so far, locked for the grant
SELECT CASE WHEN window_end > $5 THEN granted ELSE 0 END AS granted FROM rate_budgets
 WHERE platform = $1 AND scope = $2 AND key = $3 AND name = $4 FOR UPDATE

-- name: grant_budget
-- $1 platform, $2 scope, $3 key, $4 limit, $5 window start, $6 window end, $7 allowed, $8 portion wanted, $9 used since the
-- last time, $10 the share of the window that may be handed out (backfills leave some to the regular slots). Gives what
-- was granted so far. A window that is over makes room for the next one.
UPDATE rate_budgets AS b
   SET window_start = CASE WHEN b.window_end <= $5 THEN $5 ELSE b.window_start END,
       window_end = CASE WHEN b.window_end <= $5 THEN $6 ELSE b.window_end END,
       allowed = $7::bigint,
       used = CASE WHEN b.window_end <= $5 THEN 0 ELSE b.used + $9::bigint END,
       granted = CASE WHEN b.window_end <= $5 THEN least($8::bigint, floor($7::bigint * $10::float8)::bigint)
                      ELSE b.granted + greatest(0, least($8::bigint, floor($7::bigint * $10::float8)::bigint - b.granted)) END,
       updated_at = now()
 WHERE platform = $1 AND scope = $2 AND key = $3 AND name = $4
RETURNING granted

-- name: report_used
-- $1 platform, $2 scope, $3 key, $4 limit, $5 used since the last time, $6 window start
UPDATE rate_budgets SET used = used + $5, updated_at = now()
 WHERE platform = $1 AND scope = $2 AND key = $3 AND name = $4 AND window_end > $6

-- name: block_budget
-- $1 platform, $2 scope, $3 key, $4 until, $5 reason: told to wait
INSERT INTO rate_budgets AS b (platform, scope, key, name, blocked_until, reason)
VALUES ($1, $2, $3, '', $4, $5)
ON CONFLICT (platform, scope, key, name) DO UPDATE
   SET blocked_until = greatest(b.blocked_until, excluded.blocked_until), reason = excluded.reason, updated_at = now()

-- name: blocked_budgets
SELECT platform, scope, key, blocked_until, reason FROM rate_budgets WHERE blocked_until > now()

-- name: forget_old_budgets
DELETE FROM rate_budgets
 WHERE coalesce(window_end, '-infinity') < now() - interval '2 days' AND coalesce(blocked_until, '-infinity') < now() - interval '1 hour'

-- name: list_budgets
-- $1 platform, $2 scope; NULL: any
SELECT platform, scope, key, name, window_start, window_end, allowed, granted, used, blocked_until, reason
  FROM rate_budgets
 WHERE (window_end > now() OR blocked_until > now()) AND ($1::text IS NULL OR platform = $1)
   AND ($2::text IS NULL OR scope = $2)
 ORDER BY platform, scope, key, name

-- name: spenders
-- $1 platform, $2 since, $3 limit: whose runs made the most requests
SELECT user_id, sum(requests)::bigint AS requests
  FROM runs WHERE platform = $1 AND started_at >= $2
 GROUP BY user_id ORDER BY sum(requests) DESC, user_id LIMIT $3

-- name: connections_of_platform
-- $1 platform
SELECT count(*) AS connections FROM connections WHERE platform = $1 AND state <> 'gone'

-- name: connections_to_watch
SELECT platform, count(*) AS connections FROM connections WHERE state <> 'gone' GROUP BY platform

-- name: connections_by_tier
-- How many active connections of each platform and app each tier has.
SELECT c.platform, coalesce(c.attributes ->> 'app', '') AS app, u.tier, count(*) AS connections
  FROM connections c JOIN users u USING (user_id) WHERE c.state = 'active'
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
