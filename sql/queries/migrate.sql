-- name: schema_migrations_exist
SELECT to_regclass('schema_migrations') IS NOT NULL AS there

-- name: applied_migrations
SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version

-- name: record_migration
INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)

-- name: roles_ready
-- Whether the three roles exist and this login may act as them.
SELECT count(*) = 3 AND bool_and(pg_has_role(current_user, oid, 'MEMBER')) AS ready
  FROM pg_roles WHERE rolname IN ('tally_admin', 'tally_collector', 'tally_reader')

-- name: may_create_roles
SELECT rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = current_user
