-- Alerts: what raises them besides the runs, what is told of them, and the outbox.

-- name: alerts_to_tell
-- Open ones, and those that are over although people were told of them. $1 limit
SELECT alert_id, kind, subject, message, raised_at, told_at, resolved_at, acked_at IS NOT NULL AS acked
  FROM alerts
 WHERE resolved_at IS NULL OR (told_at IS NOT NULL AND over_told_at IS NULL)
 ORDER BY kind, raised_at, alert_id
 LIMIT $1

-- name: resolve_alerts_of_gone_hosts
-- $1 this host. A disk is looked at by its own host only.
UPDATE alerts SET resolved_at = now()
 WHERE kind = 'disk' AND resolved_at IS NULL AND subject <> $1
   AND subject NOT IN (SELECT host FROM nodes WHERE alive_until > now())

-- name: mark_told
-- $1 alerts
UPDATE alerts SET told_at = now() WHERE alert_id = ANY ($1::bigint[])

-- name: mark_over_told
-- $1 alerts
UPDATE alerts SET over_told_at = now() WHERE alert_id = ANY ($1::bigint[])

-- name: put_message
-- $1 channels, $2 message as JSON
INSERT INTO outbox (channel, message) SELECT unnest($1::text[]), $2::jsonb

-- name: claim_messages
-- $1 limit, $2 seconds after which another one may try, $3 whether reports are wanted, or messages
WITH due AS (
    SELECT message_id FROM outbox
     WHERE (report_user IS NOT NULL) = $3 AND sent_at IS NULL AND failed_at IS NULL AND send_at <= now()
     ORDER BY send_at, message_id
     LIMIT $1
       FOR UPDATE SKIP LOCKED
)
UPDATE outbox o
   SET attempt = o.attempt + 1, send_at = now() + make_interval(secs => $2), token = nextval('lease_token')
  FROM due WHERE o.message_id = due.message_id
RETURNING o.message_id, o.channel, o.message, o.report_user, o.report_week, o.attempt, o.token

-- name: message_sent
-- $1 message, $2 token
UPDATE outbox SET sent_at = now(), token = NULL, error = '' WHERE message_id = $1 AND token = $2

-- name: drop_message
-- $1 message, $2 token
DELETE FROM outbox WHERE message_id = $1 AND token = $2

-- name: message_failed
-- $1 message, $2 token, $3 error, $4 seconds until the next attempt; NULL: it is given up
UPDATE outbox
   SET token = NULL, error = $3, failed_at = CASE WHEN $4::float8 IS NULL THEN now() END,
       send_at = CASE WHEN $4::float8 IS NULL THEN send_at ELSE now() + make_interval(secs => $4) END
 WHERE message_id = $1 AND token = $2

-- name: delete_ended_messages
DELETE FROM outbox WHERE ctid = ANY (ARRAY (SELECT ctid FROM outbox WHERE coalesce(sent_at, failed_at) < $1 LIMIT $2))

-- name: late_lanes
-- $1 seconds behind the deadline. Platforms with slots that late, and since when the oldest is due.
SELECT split_part(l.lane, '/', 1) AS platform, min(h.due_at) AS oldest
  FROM lanes l
  CROSS JOIN LATERAL (SELECT s.due_at FROM free_slots s
                       WHERE s.lane = l.lane AND s.slack = l.slack AND s.due_at < 'infinity'
                       ORDER BY s.due_at LIMIT 1) h
 WHERE h.due_at + make_interval(secs => l.slack) < now() - make_interval(secs => $1)
 GROUP BY 1 ORDER BY 1

-- name: tiers_without_success
-- $1 tiers, $2 seconds that each may be without a collection that brought something
SELECT t.tier, g.last_success_at
  FROM unnest($1::text[], $2::bigint[]) AS t(tier, seconds)
  JOIN LATERAL (SELECT max(last_success_at) AS last_success_at FROM run_stats r
                 WHERE r.tier = t.tier AND r.hour > now() - make_interval(secs => t.seconds) - interval '8 days') g ON true
 WHERE g.last_success_at < now() - make_interval(secs => t.seconds)
   AND (SELECT sum(users) FROM user_counts u WHERE u.tier = t.tier) > 0
 ORDER BY t.tier
