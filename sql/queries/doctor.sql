-- What doctor asks. Facts only: what they mean is decided in cli/doctor/checks.cpp.

-- name: server_facts
SELECT current_setting('server_version_num')::integer AS version, pg_is_in_recovery() AS standby, current_user::text AS login,
       clock_timestamp() AS clock

-- name: roles_lacking
-- Which of the three roles do not exist, and as which the login may not act.
SELECT r.name, p.oid IS NOT NULL AS there, coalesce(pg_has_role(current_user, p.oid, 'MEMBER'), false) AS member
  FROM unnest(ARRAY['tally_admin', 'tally_collector', 'tally_reader']) AS r(name) LEFT JOIN pg_roles p ON p.rolname = r.name
 ORDER BY r.name

-- name: role_rights
-- What the roles need, and what they must not have. Only once roles and schema are there.
SELECT r.role, r.object, r.privilege, r.wanted, has_table_privilege(r.role, r.object, r.privilege) AS held
  FROM (VALUES ('tally_collector', 'analytics_snapshots', 'SELECT', true),
               ('tally_collector', 'analytics_snapshots', 'INSERT', true),
               ('tally_collector', 'analytics_snapshots', 'UPDATE', true),
               ('tally_collector', 'analytics_snapshots', 'DELETE', false),
               ('tally_collector', 'connections', 'UPDATE', true),
               ('tally_collector', 'slots', 'UPDATE', true),
               ('tally_collector', 'runs', 'INSERT', true),
               ('tally_collector', 'coverage', 'DELETE', true),
               ('tally_collector', 'user_keys', 'SELECT', true),
               ('tally_collector', 'snapshot_revisions', 'INSERT', true),
               ('tally_admin', 'analytics_snapshots', 'DELETE', true),
               ('tally_reader', 'analytics_snapshots', 'SELECT', true),
               ('tally_reader', 'snapshots_export', 'SELECT', true),
               ('tally_reader', 'user_keys', 'SELECT', false),
               ('tally_reader', 'connections', 'SELECT', false)) AS r(role, object, privilege, wanted)
UNION ALL
SELECT 'tally_admin', 'SCHEMA public', 'CREATE', true, has_schema_privilege('tally_admin', 'public', 'CREATE')

-- name: partitions_lacking
-- Of this and the next month of numbers, and of today and tomorrow of the log (UTC).
SELECT name
  FROM (SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + m * interval '1 month', '"analytics_snapshots_"YYYY_MM') AS name,
               'analytics_snapshots'::regclass AS parent
          FROM generate_series(0, 1) AS m
        UNION ALL
        SELECT to_char((now() AT TIME ZONE 'UTC') + d * interval '1 day', '"runs_"YYYY_MM_DD'), 'runs'::regclass
          FROM generate_series(0, 1) AS d) AS wanted
 WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = wanted.parent AND i.inhrelid = to_regclass(wanted.name))
 ORDER BY name

-- name: connections_by_login
-- Ends of tokens of active connections only: the others wait for a person anyway. Reads what tally_reader may.
SELECT platform, coalesce(attributes ->> 'app', '') AS app, coalesce(attributes ->> 'login', '') AS login, count(*) AS connections,
       count(*) FILTER (WHERE state = 'needs_authorization') AS unauthorized, count(*) FILTER (WHERE state = 'gone') AS gone,
       count(*) FILTER (WHERE state = 'active' AND expires_at <= now()) AS expired,
       count(*) FILTER (WHERE state = 'active' AND expires_at > now() AND expires_at <= now() + interval '7 days') AS expiring
  FROM connections GROUP BY 1, 2, 3

-- name: some_user_keys
-- $1 how many at most
SELECT user_id, sealed_key FROM user_keys ORDER BY user_id LIMIT $1

-- name: export_one
-- As exports read, without reading much.
SELECT user_id FROM snapshots_export LIMIT 1
