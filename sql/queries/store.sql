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
-- Staged rows, each key once and in the order of the keys, become snapshots; gives how many each run changed. A key belongs
-- to one connection, whose slot this transaction has locked, so what is held cannot change meanwhile. Once the platform's
-- day was over when the held value was fetched, another value is a restatement: the held one is kept in
-- snapshot_revisions. Before that nothing held needs to be looked at first (OFFSET 0 keeps the test of the day in front of the
-- index). Equal rows are not written at all.
WITH staged AS (
    SELECT i.*, h.revision AS held_revision, h.value AS held_value, h.metadata AS held_metadata,
           h.fetched_at AS held_fetched_at, h.run_id AS held_run_id,
           coalesce(h.value <> i.value AND h.fetched_at >= i.day_over_at, false) AS restated
      FROM staged_snapshots i
      LEFT JOIN LATERAL (
        SELECT revision, value, metadata, fetched_at, run_id FROM analytics_snapshots h
         WHERE h.user_id = i.user_id AND h.platform = i.platform AND h.account_id = i.account_id AND h.source = i.source
           AND h.metric = i.metric AND h.date = i.date AND i.day_over_at <= now()
        OFFSET 0) h ON true
     WHERE h.value IS NULL OR h.value <> i.value OR h.metadata - 'fetched_at' <> i.metadata - 'fetched_at'
), kept AS (
    INSERT INTO snapshot_revisions
           (user_id, platform, account_id, source, metric, date, revision, value, metadata, fetched_at, run_id)
    SELECT user_id, platform, account_id, source, metric, date, held_revision, held_value, held_metadata, held_fetched_at,
           held_run_id
      FROM staged WHERE restated
), written AS (
    INSERT INTO analytics_snapshots AS h
           (user_id, platform, account_id, source, metric, date, value, metadata, fetched_at, run_id, first_seen_at, revision)
    SELECT user_id, platform, account_id, source, metric, date, value, metadata, now(), run_id, now(), restated::int
      FROM staged
    ON CONFLICT (user_id, platform, account_id, source, metric, date) DO UPDATE
       SET value = excluded.value, metadata = excluded.metadata, fetched_at = excluded.fetched_at,
           run_id = excluded.run_id, revision = h.revision + excluded.revision
     WHERE h.value <> excluded.value OR h.metadata - 'fetched_at' <> excluded.metadata - 'fetched_at'
    RETURNING h.run_id
)
SELECT run_id, count(*) AS rows_changed FROM written GROUP BY run_id

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
                     $8::timestamptz[], $9::text[], $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[],
                     $15::text[], $16::text[])

-- name: record_exceptions
-- $1 connection ids, $2 first slots, $3 last slots, $4 how many, $5 kinds, $6 reasons, $7 run ids
INSERT INTO slot_exceptions (connection_id, slot_at, last_slot_at, slots, kind, reason, run_id)
SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT DO NOTHING

-- name: count_runs
-- $1 hours, $2 tiers, $3 platforms, $4 nodes, $5 succeeded, $6 partial, $7 failed, $8 requests, $9 rows written, $10 rows
-- changed, $11 lateness: as text of arrays
INSERT INTO run_stats AS r (hour, tier, platform, node, succeeded, partial, failed, requests, rows_written, rows_changed, lateness,
                            last_finished_at, last_success_at)
SELECT n.hour, n.tier, n.platform, n.node, n.succeeded, n.partial, n.failed, n.requests, n.rows_written, n.rows_changed,
       n.lateness::bigint[], clock_timestamp(), CASE WHEN n.succeeded + n.partial > 0 THEN clock_timestamp() END
  FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
              $9::bigint[], $10::bigint[], $11::text[])
       AS n(hour, tier, platform, node, succeeded, partial, failed, requests, rows_written, rows_changed, lateness)
ON CONFLICT (hour, tier, platform, node) DO UPDATE
   SET succeeded = r.succeeded + excluded.succeeded, partial = r.partial + excluded.partial,
       failed = r.failed + excluded.failed, requests = r.requests + excluded.requests,
       rows_written = r.rows_written + excluded.rows_written, rows_changed = r.rows_changed + excluded.rows_changed,
       last_finished_at = greatest(r.last_finished_at, excluded.last_finished_at),
       last_success_at = greatest(r.last_success_at, excluded.last_success_at),
       lateness = (SELECT array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY place)
                     FROM unnest(r.lateness, excluded.lateness) WITH ORDINALITY AS u(a, b, place))

-- name: serve_triggers
-- $1 trigger ids, $2 states ('waiting': a part is done, the next run goes on), $3 run ids, $4 requests made, $5 requests left
UPDATE triggers t SET state = s.state, run_id = CASE WHEN s.state = 'waiting' THEN NULL ELSE s.run_id END,
       requests_made = t.requests_made + s.made, requests_left = s.unmade
  FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS s(trigger_id, state, run_id, made, unmade)
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
    UPDATE connections c SET credential = $3, expires_at = $4,
           state = CASE WHEN c.state = 'needs_authorization' THEN 'active' ELSE c.state END,
           state_reason = CASE WHEN c.state = 'needs_authorization' THEN '' ELSE c.state_reason END,
           state_since = CASE WHEN c.state = 'needs_authorization' THEN now() ELSE c.state_since END
      FROM connections before
     WHERE c.connection_id = $1 AND c.credential = $2 AND before.connection_id = c.connection_id
    RETURNING c.connection_id, c.state, c.user_id, c.platform, c.account_id, before.state AS state_before
), over AS (
    UPDATE alerts a SET resolved_at = now()
      FROM changed c
     WHERE a.kind = 'needs_authorization' AND a.subject = concat_ws(' ', c.user_id, c.platform, c.account_id)
       AND a.resolved_at IS NULL AND c.state = 'active'
)
UPDATE slots s SET collect_at = now(), attempt = 0
  FROM changed
 WHERE s.connection_id = changed.connection_id AND changed.state_before = 'needs_authorization'

-- name: hold_credential
-- $1 connection, $2 token of the lease: the credential as it is now, if the lease is still ours
SELECT c.credential FROM connections c JOIN slots s USING (connection_id)
 WHERE c.connection_id = $1 AND s.lease_token = $2

-- name: finish_slots
-- $1 connection ids, $2 tokens, $3 collect at, $4 slots, $5 attempts, $6 upkeep at, $7 not before (a platform said wait),
-- $8 collect at and $9 slot as they were claimed, $10 slacks, $11 what may wait goes on at (NULL: nothing is left), $12 days after
-- which days are long past. A trigger that waits is served next; what was moved meanwhile (resumed, a new token, another tier)
-- stays moved; a connection that is not active any more is not collected, and one without a working token needs no upkeep.
WITH waiting AS MATERIALIZED (
    SELECT w.connection_id, bool_or(NOT w.long_past) AS soon, bool_or(w.long_past) AS later
      FROM (SELECT connection_id, coalesce(from_day < (now() AT TIME ZONE 'UTC')::date - $12::int, false) AS long_past
              FROM triggers WHERE connection_id = ANY ($1::bigint[]) AND state = 'waiting') w
     GROUP BY w.connection_id
), inactive AS MATERIALIZED (
    SELECT connection_id, state = 'paused' AS kept FROM connections WHERE connection_id = ANY ($1::bigint[]) AND state <> 'active'
)
UPDATE slots s
   SET lease_token = NULL, lease_node = NULL,
       slot_at = CASE WHEN s.slot_at <> f.claimed_slot THEN s.slot_at ELSE f.slot_at END,
       attempt = CASE WHEN s.slot_at <> f.claimed_slot THEN 0 ELSE f.attempt END,
       slack = CASE WHEN t.soon THEN 0 WHEN s.slot_at <> f.claimed_slot AND s.slack > 0 THEN s.slack ELSE f.slack END,
       upkeep_at = CASE WHEN coalesce(i.kept, true) THEN f.upkeep_at END,
       spare_at = CASE WHEN i.connection_id IS NULL THEN least(f.spare_at, CASE WHEN t.later THEN greatest(now(), f.not_before) END) END,
       collect_at = CASE WHEN i.connection_id IS NOT NULL THEN 'infinity'
                         ELSE least(CASE WHEN s.slot_at <> f.claimed_slot THEN greatest(s.slot_at, f.not_before) ELSE f.collect_at END,
                                    CASE WHEN t.soon THEN greatest(now(), f.not_before) END,
                                    CASE WHEN s.collect_at <> f.claimed THEN greatest(s.collect_at, f.not_before) END) END
  FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::timestamptz[],
              $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::timestamptz[])
       AS f(connection_id, token, collect_at, slot_at, attempt, upkeep_at, not_before, claimed, claimed_slot, slack, spare_at)
  LEFT JOIN inactive i USING (connection_id)
  LEFT JOIN waiting t USING (connection_id)
 WHERE s.connection_id = f.connection_id AND s.lease_token = f.token

-- name: ensure_snapshot_months
-- $1 first days of months. Gives how many were missing.
SELECT count(*) FILTER (WHERE ensure_snapshot_month(day)) AS made FROM unnest($1::date[]) AS day

-- name: ensure_runs_days
SELECT count(*) FILTER (WHERE ensure_runs_day(day)) AS made FROM unnest($1::date[]) AS day
