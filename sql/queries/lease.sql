-- Leases: who serves which connection. "Now" is the database's clock, which all nodes share; tests pass another.
-- Which leases are free says the view free_slots: those of a node whose heartbeat ran out, or that an earlier life of it left.

-- name: register_node
-- $1 node, $2 host, $3 pid, $4 version, $5 time to live in seconds. What an earlier life of it held is free from here on.
INSERT INTO nodes (node_id, host, pid, version, alive_until, first_token)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), nextval('lease_token'))
ON CONFLICT (node_id) DO UPDATE
   SET host = excluded.host, pid = excluded.pid, version = excluded.version, started_at = now(),
       alive_until = excluded.alive_until, first_token = excluded.first_token

-- name: heartbeat
-- $1 node, $2 time to live in seconds, $3 leases that it holds. Gives how many nodes live, the database's clock and the version
-- of its schema.
UPDATE nodes SET alive_until = now() + make_interval(secs => $2), leases = $3 WHERE node_id = $1
RETURNING (SELECT count(*) FROM nodes WHERE alive_until > now() OR node_id = $1) AS alive, clock_timestamp() AS clock,
          (SELECT max(version) FROM schema_migrations) AS schema_version

-- name: retire_node
DELETE FROM nodes WHERE node_id = $1

-- name: free_leases_of_node
-- $1 node: what it could not give back one by one
UPDATE slots SET lease_token = NULL, lease_node = NULL WHERE lease_node = $1

-- name: free_leases_of_dead_nodes
-- Long dead. Whatever is due was taken over long ago; this is the rest, such as connections that are paused.
UPDATE slots s SET lease_token = NULL, lease_node = NULL
  FROM nodes n WHERE n.node_id = s.lease_node AND n.alive_until < now() - interval '1 day'

-- name: forget_dead_nodes
-- A node that comes back registers again.
DELETE FROM nodes WHERE alive_until < now() - interval '1 day'

-- name: lane_heads
-- The lanes, and when the first slot of each that nobody serves is due.
SELECT l.lane, l.slack, h.due_at
  FROM lanes l
  CROSS JOIN LATERAL (
    SELECT s.due_at FROM free_slots s
     WHERE s.lane = l.lane AND s.slack = l.slack AND s.due_at < 'infinity'
     ORDER BY s.due_at LIMIT 1) h

-- name: spare_heads
-- The same of what may wait: one lane a platform and app.
WITH RECURSIVE lanes AS (
    (SELECT lane FROM slots WHERE spare_at IS NOT NULL ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT n.lane
      FROM lanes l
      CROSS JOIN LATERAL (SELECT s.lane FROM slots s WHERE s.spare_at IS NOT NULL AND s.lane > l.lane
                           ORDER BY s.lane LIMIT 1) n
)
SELECT l.lane, h.spare_at AS due_at
  FROM lanes l
  CROSS JOIN LATERAL (
    SELECT s.spare_at FROM free_slots s
     WHERE s.lane = l.lane AND s.spare_at IS NOT NULL
     ORDER BY s.spare_at LIMIT 1) h

-- name: claim_lanes
-- $1 now (NULL: the database's clock), $2 node, $3 limit in all; a lane each: $4 names, $5 slacks, $6 and $7 behind which
-- due_at and connection, $8 limits. Walks the index of each lane from its cursor on, so that what was served before (dead index
-- entries while an old snapshot lives) is not read again; what a living node holds, or another claim has locked, is passed
-- over. A node that is taken for dead (its clock jumped, its heart missed beats) gets nothing, or it would take its own leases
-- for free. The clock stands inline: a CTE used twice would be materialised.
WITH due AS (
    SELECT d.connection_id
      FROM unnest($4::text[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::bigint[]) AS l(lane, slack, after_due, after_id, most)
      CROSS JOIN LATERAL (
        SELECT s.connection_id, s.due_at
          FROM free_slots s
         WHERE s.lane = l.lane AND s.slack = l.slack AND (s.due_at, s.connection_id) > (l.after_due, l.after_id)
           AND s.due_at <= coalesce($1::timestamptz, now())
         ORDER BY s.due_at, s.connection_id
         LIMIT l.most
           FOR UPDATE OF s SKIP LOCKED) d
     WHERE EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = $2 AND n.alive_until > now())
     ORDER BY d.due_at + make_interval(secs => l.slack), d.connection_id
     LIMIT $3
)
UPDATE slots s
   SET lease_token = nextval('lease_token'), lease_node = $2, attempt = s.attempt + 1
  FROM due
 WHERE s.connection_id = due.connection_id
RETURNING s.connection_id, s.lane, s.slack, s.due_at, s.collect_at, s.upkeep_at, s.spare_at, s.slot_at, s.lease_token, s.attempt

-- name: claim_spare
-- The same for what may wait, the longest waiting first: $1 now, $2 node, $3 limit in all, $4 lanes, $5 limits. It is no attempt
-- at the regular slot.
WITH spare AS (
    SELECT d.connection_id
      FROM unnest($4::text[], $5::bigint[]) AS l(lane, most)
      CROSS JOIN LATERAL (
        SELECT s.connection_id, s.spare_at
          FROM free_slots s
         WHERE s.lane = l.lane AND s.spare_at <= coalesce($1::timestamptz, now())
         ORDER BY s.spare_at, s.connection_id
         LIMIT l.most
           FOR UPDATE OF s SKIP LOCKED) d
     WHERE EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = $2 AND n.alive_until > now())
     ORDER BY d.spare_at, d.connection_id
     LIMIT $3
)
UPDATE slots s
   SET lease_token = nextval('lease_token'), lease_node = $2
  FROM spare
 WHERE s.connection_id = spare.connection_id
RETURNING s.connection_id, s.lane, s.slack, s.due_at, s.collect_at, s.upkeep_at, s.spare_at, s.slot_at, s.lease_token, s.attempt

-- name: claim_one
-- $1 node, $2 connection: the lease of one connection, due or not, unless somebody living holds it
UPDATE free_slots s SET lease_token = nextval('lease_token'), lease_node = $1
 WHERE s.connection_id = $2
   AND EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = $1 AND n.alive_until > now())
RETURNING s.connection_id, s.lane, s.slack, s.due_at, s.collect_at, s.upkeep_at, s.spare_at, s.slot_at, s.lease_token, s.attempt

-- name: connections_of
-- $1 connection ids: what a run needs to know of them
SELECT k.connection_id, k.state, k.expires_at, u.user_id, u.tier, u.zone, k.platform, k.account_id, k.attributes, k.credential,
       y.sealed_key, now() AS clock
  FROM connections k
  JOIN users u ON u.user_id = k.user_id
  JOIN user_keys y ON y.user_id = k.user_id
 WHERE k.connection_id = ANY ($1::bigint[])

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
-- greatest() passes NULL over, so does what may wait).
UPDATE slots s
   SET lease_token = NULL, lease_node = NULL, attempt = greatest(s.attempt - l.counted::int, 0),
       collect_at = greatest(s.collect_at, l.until),
       upkeep_at = CASE WHEN s.upkeep_at IS NOT NULL THEN greatest(s.upkeep_at, l.until) END,
       spare_at = CASE WHEN s.spare_at IS NOT NULL THEN greatest(s.spare_at, l.until) END
  FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::timestamptz[]) AS l(connection_id, token, counted, until)
 WHERE s.connection_id = l.connection_id AND s.lease_token = l.token
