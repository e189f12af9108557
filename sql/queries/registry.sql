-- Users and connections.

-- name: put_user
-- $1 user, $2 tier, $3 zone: creates or changes; NULL keeps what is there. Gives whether it is new; no row when it is
-- new and has no tier.
INSERT INTO users AS u (user_id, tier, zone)
SELECT $1, coalesce($2, (SELECT tier FROM users WHERE user_id = $1)),
       coalesce($3, (SELECT zone FROM users WHERE user_id = $1), 'UTC')
 WHERE $2 IS NOT NULL OR EXISTS (SELECT 1 FROM users WHERE user_id = $1)
ON CONFLICT (user_id) DO UPDATE SET tier = excluded.tier, zone = excluded.zone
RETURNING u.xmax = 0 AS created

-- name: user_exists
SELECT 1 FROM users WHERE user_id = $1

-- name: remove_user
-- Ends collection and keeps the numbers. Gives the connections that were.
WITH gone AS (
    DELETE FROM connections WHERE user_id = $1 RETURNING connection_id, user_id, platform, account_id
), noted AS (
    INSERT INTO consents (user_id, platform, account_id, granted, source)
    SELECT user_id, platform, account_id, false, $2 FROM gone
)
SELECT connection_id FROM gone

-- name: delete_user
DELETE FROM users WHERE user_id = $1

-- name: tier_of_user
SELECT tier FROM users WHERE user_id = $1

-- name: list_users
-- $1 tier or NULL, $2 after this id or NULL, $3 limit, $4 just this user or NULL
SELECT u.user_id, u.tier, u.zone, u.created_at,
       (SELECT r.address FROM report_recipients r WHERE r.user_id = u.user_id) AS report_to,
       (SELECT count(*) FROM connections c WHERE c.user_id = u.user_id) AS connections
  FROM users u
 WHERE ($1::text IS NULL OR u.tier = $1) AND ($2::text IS NULL OR u.user_id > $2) AND ($4::text IS NULL OR u.user_id = $4)
 ORDER BY u.user_id
 LIMIT $3

-- name: add_user_key
-- Gives the key that counts, which may be one that somebody else made meanwhile.
INSERT INTO user_keys (user_id, sealed_key) VALUES ($1, $2)
ON CONFLICT (user_id) DO NOTHING

-- name: user_key
SELECT sealed_key FROM user_keys WHERE user_id = $1

-- name: put_connection
-- $1 user, $2 platform, $3 account, $4 attributes, $5 credential, $6 expiry. A new token puts a connection that waited for
-- one back to work; a pause stands.
INSERT INTO connections AS c (user_id, platform, account_id, attributes, credential, expires_at)
VALUES ($1, $2, $3, $4::jsonb, $5, $6)
ON CONFLICT (user_id, platform, account_id) DO UPDATE
   SET attributes = c.attributes || excluded.attributes, credential = excluded.credential, expires_at = excluded.expires_at,
       state = CASE WHEN c.state = 'paused' THEN c.state ELSE 'active' END,
       state_reason = CASE WHEN c.state = 'paused' THEN c.state_reason ELSE '' END,
       state_since = CASE WHEN c.state IN ('paused', 'active') THEN c.state_since ELSE now() END
RETURNING connection_id, state, xmax = 0 AS created

-- name: put_slot
-- $1 connection, $2 slot, $3 slack in seconds: a new connection is due at once, one that waited for a token too
INSERT INTO slots AS s (connection_id, lane, slack, collect_at, slot_at)
SELECT c.connection_id, c.platform || coalesce('/' || nullif(c.attributes ->> 'app', ''), ''), $3, now(), $2
  FROM connections c WHERE c.connection_id = $1
ON CONFLICT (connection_id) DO UPDATE
   SET lane = excluded.lane, collect_at = least(s.collect_at, now()), attempt = 0

-- name: forget_refusals
-- What was refused to the old token may be given to the new one.
DELETE FROM coverage WHERE connection_id = $1 AND state = 'refused'

-- name: lock_slots
-- $1 user, $2 platform, $3 account, or NULL for any. Whoever stores a run locks the slot first and the connection then.
SELECT s.connection_id FROM slots s JOIN connections c USING (connection_id)
 WHERE c.user_id = $1 AND ($2::text IS NULL OR c.platform = $2) AND ($3::text IS NULL OR c.account_id = $3)
 ORDER BY s.connection_id FOR UPDATE OF s

-- name: add_consent
-- $1 user, $2 platform, $3 account, $4 granted, $5 source
INSERT INTO consents (user_id, platform, account_id, granted, source) VALUES ($1, $2, $3, $4, $5)

-- name: pursued_slots
-- $1 connection ids: the regular slots that they pursue, and since when and why they are not active
SELECT s.connection_id, s.slot_at, c.state, c.state_reason, c.state_since
  FROM slots s JOIN connections c USING (connection_id)
 WHERE s.connection_id = ANY ($1::bigint[])

-- name: move_slots
-- $1 connection ids, $2 slots, $3 slacks: other slots to pursue; what is due already stays due, a retry or a run asked for by
-- hand that comes sooner stands, and who is not active is not collected
UPDATE slots s SET slot_at = m.slot_at, slack = m.slack, attempt = 0, collect_at = m.collect_at
  FROM (SELECT n.connection_id, n.slot_at, CASE WHEN o.slack = 0 THEN 0 ELSE n.slack END AS slack,
               CASE WHEN c.state <> 'active' OR o.collect_at <= now() THEN o.collect_at
                    WHEN o.collect_at <> o.slot_at THEN least(o.collect_at, n.slot_at)
                    ELSE n.slot_at END AS collect_at
          FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[]) AS n(connection_id, slot_at, slack)
          JOIN slots o USING (connection_id)
          JOIN connections c USING (connection_id)) AS m
 WHERE s.connection_id = m.connection_id

-- name: record_skipped
-- $1 connection ids, $2 first slots, $3 last slots, $4 how many, $5 reasons: slots that passed while nothing was to be collected
INSERT INTO slot_exceptions (connection_id, slot_at, last_slot_at, slots, kind, reason)
SELECT l.connection_id, l.first, l.last, l.slots, 'skipped', l.reason
  FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::text[])
       AS l(connection_id, first, last, slots, reason)
ON CONFLICT DO NOTHING

-- name: connection_ids_of_user
SELECT connection_id FROM connections WHERE user_id = $1 ORDER BY connection_id

-- name: list_connections
-- $1 user, $2 platform, $3 account, $4 state, $5 after this connection id, $6 limit; NULL: any
SELECT c.connection_id, c.user_id, c.platform, c.account_id, c.state, c.state_reason, c.state_since, c.attributes,
       c.expires_at, c.created_at, nullif(s.due_at, 'infinity') AS next_due_at, s.lease_node,
       r.run_id, r.slot_at, r.started_at, r.finished_at, r.trigger, r.state AS run_state, r.requests, r.rows_written,
       r.rows_changed, r.error
  FROM connections c
  LEFT JOIN slots s USING (connection_id)
  LEFT JOIN LATERAL (SELECT * FROM runs WHERE runs.connection_id = c.connection_id ORDER BY started_at DESC LIMIT 1) r ON true
 WHERE ($1::text IS NULL OR c.user_id = $1) AND ($2::text IS NULL OR c.platform = $2)
   AND ($3::text IS NULL OR c.account_id = $3) AND ($4::text IS NULL OR c.state = $4)
   AND ($5::bigint IS NULL OR c.connection_id > $5)
 ORDER BY c.connection_id
 LIMIT $6

-- name: load_connection
-- What a check or a plan needs. $1 user, $2 platform, $3 account
SELECT c.connection_id, u.tier, u.zone, c.attributes, c.credential, k.sealed_key
  FROM connections c JOIN users u USING (user_id) JOIN user_keys k USING (user_id)
 WHERE c.user_id = $1 AND c.platform = $2 AND c.account_id = $3

-- name: pause_connection
-- Zero rows: there is no such connection.
WITH changed AS (
    UPDATE connections SET state = 'paused', state_reason = $4,
           state_since = CASE WHEN state = 'paused' THEN state_since ELSE now() END
     WHERE user_id = $1 AND platform = $2 AND account_id = $3
    RETURNING connection_id
), ended AS (
    UPDATE triggers t SET state = 'failed' FROM changed
     WHERE t.connection_id = changed.connection_id AND t.state = 'waiting'
)
-- A paused connection's token is still kept alive.
UPDATE slots s SET collect_at = 'infinity', spare_at = NULL
  FROM changed WHERE s.connection_id = changed.connection_id

-- name: resume_connection
-- $4 whether slots passed meanwhile: they are made up for at once
WITH changed AS (
    UPDATE connections SET state = 'active', state_reason = '',
           state_since = CASE WHEN state = 'active' THEN state_since ELSE now() END
     WHERE user_id = $1 AND platform = $2 AND account_id = $3
    RETURNING connection_id
)
UPDATE slots s SET collect_at = m.collect_at, attempt = 0
  FROM changed
  JOIN LATERAL (SELECT least(o.collect_at, CASE WHEN $4 THEN now() ELSE greatest(o.slot_at, now()) END) AS collect_at
                  FROM slots o WHERE o.connection_id = changed.connection_id) m ON true
 WHERE s.connection_id = changed.connection_id

-- name: remove_connection
DELETE FROM connections WHERE user_id = $1 AND platform = $2 AND account_id = $3 RETURNING connection_id
