-- Leases: who serves which connection. "Now" is the database's clock, which all nodes share; tests pass another.

-- name: register_node
-- $1 node, $2 host, $3 pid, $4 version, $5 time to live in seconds
INSERT INTO nodes (node_id, host, pid, version, alive_until)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
ON CONFLICT (node_id) DO UPDATE
   SET host = excluded.host, pid = excluded.pid, version = excluded.version, started_at = now(),
       alive_until = excluded.alive_until

-- name: heartbeat
-- $1 node, $2 time to live in seconds. Gives how many nodes live.
UPDATE nodes SET alive_until = now() + make_interval(secs => $2) WHERE node_id = $1
RETURNING (SELECT count(*) FROM nodes WHERE alive_until > now() OR node_id = $1) AS alive

-- name: retire_node
DELETE FROM nodes WHERE node_id = $1

-- name: forget_dead_nodes
-- Long dead: a node that comes back registers again.
DELETE FROM nodes WHERE alive_until < now() - interval '1 day'

-- name: free_leases_of_node
-- $1 node: leases that an earlier life of this node left behind
UPDATE slots SET lease_token = NULL, lease_node = NULL WHERE lease_node = $1

-- name: claim_due
-- $1 now (NULL: the database's clock), $2 node, $3 limit, $4 whether backfills are wanted or all else (NULL: any), $5 days
-- after which days are long past. Walks the index (due_at, connection_id); what a living node holds, or another claim has
-- locked, is passed over; a node that is taken for dead (its clock jumped, its heart missed beats) gets nothing, or it would
-- take its own leases for free. The clock stands inline: a CTE used twice would be materialised. Triggers are looked up only for
-- connections whose regular slot is not due.
WITH due AS (
    SELECT s.connection_id
      FROM slots s
     WHERE s.due_at <= coalesce($1::timestamptz, now())
       AND EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = $2 AND n.alive_until > now())
       AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = s.lease_node AND n.alive_until > now())
       AND ($4::boolean IS NULL
            OR $4 = (s.slot_at > coalesce($1::timestamptz, now())
                     AND coalesce((SELECT bool_and(t.from_day IS NOT NULL)
                                          AND min(t.from_day) < (now() AT TIME ZONE 'UTC')::date - $5::int
                                     FROM triggers t
                                    WHERE t.connection_id = s.connection_id AND t.state = 'waiting'), false)))
     ORDER BY s.due_at, s.connection_id
     LIMIT $3
       FOR UPDATE OF s SKIP LOCKED
), claimed AS (
    UPDATE slots s
       SET lease_token = nextval('lease_token'), lease_node = $2, attempt = s.attempt + 1
      FROM due
     WHERE s.connection_id = due.connection_id
    RETURNING s.connection_id, s.due_at, s.collect_at, s.upkeep_at, s.slot_at, s.lease_token, s.attempt
)
SELECT c.connection_id, c.due_at, c.collect_at, c.upkeep_at, c.slot_at, c.lease_token, c.attempt, k.state, k.expires_at,
       u.user_id, u.tier, u.zone, k.platform, k.account_id, k.attributes, k.credential, y.sealed_key
  FROM claimed c
  JOIN connections k USING (connection_id)
  JOIN users u ON u.user_id = k.user_id
  JOIN user_keys y ON y.user_id = k.user_id
 ORDER BY c.due_at, c.connection_id

-- name: claim_one
-- $1 node, $2 connection: the lease of one connection, due or not, unless somebody living holds it
WITH claimed AS (
    UPDATE slots s SET lease_token = nextval('lease_token'), lease_node = $1
     WHERE s.connection_id = $2
       AND EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = $1 AND n.alive_until > now())
       AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = s.lease_node AND n.alive_until > now())
    RETURNING s.connection_id, s.due_at, s.collect_at, s.upkeep_at, s.slot_at, s.lease_token, s.attempt
)
SELECT c.connection_id, c.due_at, c.collect_at, c.upkeep_at, c.slot_at, c.lease_token, c.attempt, k.state, k.expires_at,
       u.user_id, u.tier, u.zone, k.platform, k.account_id, k.attributes, k.credential, y.sealed_key
  FROM claimed c
  JOIN connections k USING (connection_id)
  JOIN users u ON u.user_id = k.user_id
  JOIN user_keys y ON y.user_id = k.user_id

-- name: coverage_of
-- $1 connection ids
SELECT connection_id, request, first_day, last_day, state, asked_at
  FROM coverage
 WHERE connection_id = ANY ($1::bigint[])
 ORDER BY connection_id, request, first_day

-- name: waiting_triggers_of
-- $1 connection ids
SELECT trigger_id, connection_id, from_day, to_day, requested_at
  FROM triggers
 WHERE connection_id = ANY ($1::bigint[]) AND state = 'waiting'
 ORDER BY trigger_id

-- name: release_leases
-- $1 connection ids, $2 tokens, $3 whether the claim counted as an attempt: given back unserved, due at once again, the
-- attempt not counted
UPDATE slots s
   SET lease_token = NULL, lease_node = NULL, attempt = greatest(s.attempt - l.counted::int, 0)
  FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS l(connection_id, token, counted)
 WHERE s.connection_id = l.connection_id AND s.lease_token = l.token

-- name: defer_leases
-- $1 connection ids, $2 tokens, $3 whether the claim counted as an attempt, $4 until: told to wait before anything was
-- asked; the attempt is not counted. Who is told to wait can neither collect nor care for its token (no upkeep stays none:
-- greatest() passes NULL over).
UPDATE slots s
   SET lease_token = NULL, lease_node = NULL, attempt = greatest(s.attempt - l.counted::int, 0),
       collect_at = greatest(s.collect_at, l.until),
       upkeep_at = CASE WHEN s.upkeep_at IS NOT NULL THEN greatest(s.upkeep_at, l.until) END,
       due_at = greatest(s.due_at, l.until)
  FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::timestamptz[]) AS l(connection_id, token, counted, until)
 WHERE s.connection_id = l.connection_id AND s.lease_token = l.token

-- name: next_due
-- $1 whether backfills count too, $2 days after which days are long past. The earliest moment at which a claim may find
-- something that nobody serves.
SELECT due_at FROM slots s
 WHERE due_at < 'infinity'
   AND ($1::boolean OR s.slot_at <= now()
        OR NOT coalesce((SELECT bool_and(t.from_day IS NOT NULL)
                                AND min(t.from_day) < (now() AT TIME ZONE 'UTC')::date - $2::int
                           FROM triggers t
                          WHERE t.connection_id = s.connection_id AND t.state = 'waiting'), false))
   AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = s.lease_node AND n.alive_until > now())
 ORDER BY due_at LIMIT 1
