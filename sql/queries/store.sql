-- The store: what one transaction writes for a batch of runs.

-- name: lock_leases
-- $1 connection ids, $2 tokens. Rows that come back are ours until the transaction ends; the others are lost.
SELECT s.connection_id
  FROM slots s
  JOIN unnest($1::bigint[], $2::bigint[]) AS l(connection_id, token)
    ON s.connection_id = l.connection_id AND s.lease_token = l.token
 ORDER BY s.connection_id
   FOR UPDATE OF s

-- name: upsert_snapshots
-- Staged rows become snapshots. A key belongs to one connection, whose slot this transaction has locked, so what is held
-- cannot change meanwhile. Once the platform's day was over when the held value was fetched, another value is a
-- restatement: the held one is kept in snapshot_revisions. Equal rows are not written at all.
WITH incoming AS (
    SELECT DISTINCT ON (user_id, platform, account_id, source, metric, date) *
      FROM staged_snapshots
     ORDER BY user_id, platform, account_id, source, metric, date, run_id DESC
), changed AS (
    SELECT i.*, h.revision AS held_revision, h.value AS held_value, h.metadata AS held_metadata,
           h.fetched_at AS held_fetched_at, h.run_id AS held_run_id,
           coalesce(h.value <> i.value AND h.fetched_at >= i.day_over_at, false) AS restated
      FROM incoming i
      LEFT JOIN analytics_snapshots h USING (user_id, platform, account_id, source, metric, date)
     WHERE h.value IS NULL OR h.value <> i.value OR h.metadata - 'fetched_at' <> i.metadata - 'fetched_at'
), kept AS (
    INSERT INTO snapshot_revisions
           (user_id, platform, account_id, source, metric, date, revision, value, metadata, fetched_at, run_id)
    SELECT user_id, platform, account_id, source, metric, date, held_revision, held_value, held_metadata, held_fetched_at,
           held_run_id
      FROM changed WHERE restated
), written AS (
    INSERT INTO analytics_snapshots
           (user_id, platform, account_id, source, metric, date, value, metadata, fetched_at, run_id, first_seen_at, revision)
    SELECT user_id, platform, account_id, source, metric, date, value, metadata, now(), run_id, now(),
           coalesce(held_revision, 0) + restated::int
      FROM changed
     ORDER BY user_id, platform, account_id, source, metric, date
    ON CONFLICT (user_id, platform, account_id, source, metric, date) DO UPDATE
       SET value = excluded.value, metadata = excluded.metadata, fetched_at = excluded.fetched_at,
           run_id = excluded.run_id, revision = excluded.revision
    RETURNING run_id
)
SELECT run_id, sum(held)::bigint AS rows_written, sum(fresh)::bigint AS rows_changed
  FROM (SELECT run_id, 1 AS held, 0 AS fresh FROM incoming UNION ALL SELECT run_id, 0, 1 FROM written) AS counted
 GROUP BY run_id

-- name: clear_coverage
-- $1 connection ids, $2 requests
DELETE FROM coverage c
 USING unnest($1::bigint[], $2::text[]) AS r(connection_id, request)
 WHERE c.connection_id = r.connection_id AND c.request = r.request

-- name: add_coverage
-- $1 connection ids, $2 requests, $3 first days, $4 last days, $5 states, $6 asked at, $7 run ids
INSERT INTO coverage (connection_id, request, first_day, last_day, state, asked_at, run_id)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::date[], $4::date[], $5::text[], $6::timestamptz[], $7::bigint[])

-- name: record_runs
INSERT INTO runs (run_id, connection_id, user_id, platform, account_id, trigger, slot_at, started_at, node, attempt, state,
                  requests, rows_written, rows_changed, error_class, error)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::timestamptz[], $9::text[], $10::smallint[], $11::text[], $12::int[], $13::int[], $14::int[],
                     $15::text[], $16::text[])

-- name: record_given_up
-- $1 connection ids, $2 slots, $3 reasons, $4 run ids
INSERT INTO slot_exceptions (connection_id, slot_at, kind, reason, run_id)
SELECT l.connection_id, l.slot_at, 'given_up', l.reason, l.run_id
  FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::bigint[]) AS l(connection_id, slot_at, reason, run_id)
ON CONFLICT DO NOTHING

-- name: serve_triggers
-- $1 trigger ids, $2 states ('waiting': a part is done, the next run goes on), $3 run ids, $4 requests made, $5 requests left
UPDATE triggers t SET state = s.state, run_id = CASE WHEN s.state = 'waiting' THEN NULL ELSE s.run_id END,
       requests_made = t.requests_made + s.made, requests_left = s.unmade
  FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::int[], $5::int[]) AS s(trigger_id, state, run_id, made, unmade)
 WHERE t.trigger_id = s.trigger_id

-- name: set_connection_state
-- $1 connection, $2 state, $3 reason, $4 the sealed credential that was used. Only an active connection changes by
-- itself, a person's pause stands; and a token given meanwhile has not been tried yet.
UPDATE connections SET state = $2, state_reason = $3, state_since = now()
 WHERE connection_id = $1 AND state = 'active' AND ($4::bytea IS NULL OR credential = $4)
RETURNING connection_id

-- name: fail_waiting_triggers
-- $1 connection, $2 run: the run that ended the connection's collection answers for what still waited for it
UPDATE triggers SET state = 'failed', run_id = $2 WHERE connection_id = $1 AND state = 'waiting'

-- name: learn_attributes
-- $1 connection, $2 attributes as JSON, merged over what is known
UPDATE connections SET attributes = attributes || $2::jsonb
 WHERE connection_id = $1 AND NOT attributes @> $2::jsonb

-- name: replace_credential
-- $1 connection, $2 the sealed credential that was used, $3 the same with derived tokens: one given meanwhile wins
UPDATE connections SET credential = $3 WHERE connection_id = $1 AND credential = $2

-- name: renew_credential
-- $1 connection, $2 the sealed credential that was used, $3 the new one, $4 its expiry: a token given meanwhile wins. A
-- connection that was thought dead while the new one was on its way lives again, and nobody need authorize it any more.
WITH changed AS (
    UPDATE connections SET credential = $3, expires_at = $4,
           state = CASE WHEN state = 'needs_authorization' THEN 'active' ELSE state END,
           state_reason = CASE WHEN state = 'needs_authorization' THEN '' ELSE state_reason END,
           state_since = CASE WHEN state = 'needs_authorization' THEN now() ELSE state_since END
     WHERE connection_id = $1 AND credential = $2
    RETURNING connection_id, state, user_id, platform, account_id
), over AS (
    UPDATE alerts a SET resolved_at = now()
      FROM changed c
     WHERE a.kind = 'needs_authorization' AND a.subject = concat_ws(' ', c.user_id, c.platform, c.account_id)
       AND a.resolved_at IS NULL AND c.state = 'active'
)
UPDATE slots s SET collect_at = now(), due_at = least(now(), s.upkeep_at), attempt = 0
  FROM changed
 WHERE s.connection_id = changed.connection_id AND changed.state = 'active' AND s.collect_at = 'infinity'

-- name: hold_credential
-- $1 connection, $2 token of the lease: the credential as it is now, if the lease is still ours
SELECT c.credential FROM connections c JOIN slots s USING (connection_id)
 WHERE c.connection_id = $1 AND s.lease_token = $2

-- name: finish_slots
-- $1 connection ids, $2 tokens, $3 collect at, $4 slots, $5 attempts, $6 upkeep at, $7 not before (a platform said wait),
-- $8 collect at as it was claimed. A trigger that waits is served next; what a person moved meanwhile (resumed, a new
-- token) stays moved; a connection that is not active any more is not collected, and one without a working token needs no
-- upkeep.
UPDATE slots s
   SET collect_at = n.collect_at, upkeep_at = n.upkeep_at, due_at = least(n.collect_at, n.upkeep_at),
       slot_at = n.slot_at, attempt = n.attempt, lease_token = NULL, lease_node = NULL
  FROM (SELECT f.connection_id, f.token, f.slot_at, f.attempt,
               CASE WHEN c.state IN ('active', 'paused') THEN f.upkeep_at END AS upkeep_at,
               CASE WHEN c.state <> 'active' THEN 'infinity'
                    ELSE least(f.collect_at,
                               CASE WHEN EXISTS (SELECT 1 FROM triggers t
                                                  WHERE t.connection_id = f.connection_id AND t.state = 'waiting')
                                    THEN greatest(now(), f.not_before) END,
                               CASE WHEN h.collect_at <> f.claimed THEN greatest(h.collect_at, f.not_before) END)
                    END AS collect_at
          FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::smallint[], $6::timestamptz[],
                      $7::timestamptz[], $8::timestamptz[])
               AS f(connection_id, token, collect_at, slot_at, attempt, upkeep_at, not_before, claimed)
          JOIN connections c USING (connection_id)
          JOIN slots h USING (connection_id)) AS n
 WHERE s.connection_id = n.connection_id AND s.lease_token = n.token

-- name: ensure_snapshot_months
-- $1 first days of months
SELECT ensure_snapshot_month(day) FROM unnest($1::date[]) AS day

-- name: ensure_runs_days
SELECT ensure_runs_day(day) FROM unnest($1::date[]) AS day
