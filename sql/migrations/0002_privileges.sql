-- Who may do what. The collector writes numbers but cannot delete them; the reader sees numbers and never a token.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON analytics_snapshots TO tally_collector;
GRANT SELECT, INSERT ON snapshot_revisions, runs, consents, slot_exceptions TO tally_collector;
GRANT SELECT, INSERT, UPDATE, DELETE ON users, connections, slots, nodes, triggers, coverage, duties TO tally_collector;
GRANT SELECT, INSERT ON user_keys TO tally_collector;
GRANT USAGE ON SEQUENCE lease_token, run_group TO tally_collector;
GRANT SELECT ON snapshots_export, schema_migrations TO tally_collector;

GRANT SELECT ON analytics_snapshots, snapshot_revisions, snapshots_export, runs, coverage, users, schema_migrations
    TO tally_reader;
GRANT SELECT (connection_id, user_id, platform, account_id, state, state_reason, state_since, attributes, expires_at,
              created_at) ON connections TO tally_reader;
