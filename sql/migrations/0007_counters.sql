-- What status shows is kept, not counted: a page of it costs the same with a thousand connections and with a million.

-- Sums over the shards: one by one they mean nothing, and may be negative. Sessions write different shards, so that they do not
-- wait for each other.
CREATE TABLE user_counts (
    tier  text COLLATE "C" NOT NULL,
    shard smallint NOT NULL,
    users bigint NOT NULL,
    PRIMARY KEY (tier, shard)
) WITH (fillfactor = 50);
CREATE TABLE connection_counts (
    platform    text COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL,
    shard       smallint NOT NULL,
    connections bigint NOT NULL,
    PRIMARY KEY (platform, state, shard)
) WITH (fillfactor = 50);
COMMENT ON TABLE user_counts IS 'Users by tier: the sum over the shards. Kept by triggers on users.';
COMMENT ON TABLE connection_counts IS 'Connections by platform and state: the sum over the shards. Kept by triggers on connections.';
INSERT INTO user_counts SELECT tier, 0, count(*) FROM users GROUP BY tier;
INSERT INTO connection_counts SELECT platform, state, 0, count(*) FROM connections GROUP BY platform, state;
GRANT SELECT, INSERT, UPDATE ON user_counts, connection_counts TO tally_collector;
GRANT SELECT ON user_counts, connection_counts TO tally_reader;

CREATE FUNCTION count_user(tier text, difference bigint) RETURNS void LANGUAGE sql AS $$
INSERT INTO user_counts AS c VALUES (tier, pg_backend_pid() % 64, difference)
ON CONFLICT ON CONSTRAINT user_counts_pkey DO UPDATE SET users = c.users + excluded.users
$$;
CREATE FUNCTION count_connection(platform text, state text, difference bigint) RETURNS void LANGUAGE sql AS $$
INSERT INTO connection_counts AS c VALUES (platform, state, pg_backend_pid() % 64, difference)
ON CONFLICT ON CONSTRAINT connection_counts_pkey DO UPDATE SET connections = c.connections + excluded.connections
$$;

-- Many rows of one statement are one difference. An update that changes what is counted is rare, and comes row by row.
CREATE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM count_user(n.tier, n.users) FROM (SELECT tier, count(*) AS users FROM changed GROUP BY tier ORDER BY tier) n;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM count_user(n.tier, -n.users) FROM (SELECT tier, count(*) AS users FROM changed GROUP BY tier ORDER BY tier) n;
    ELSE
        PERFORM count_user(OLD.tier, -1), count_user(NEW.tier, 1);
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION count_connections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM count_connection(n.platform, n.state, n.connections)
           FROM (SELECT platform, state, count(*) AS connections FROM changed GROUP BY platform, state ORDER BY platform, state) n;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM count_connection(n.platform, n.state, -n.connections)
           FROM (SELECT platform, state, count(*) AS connections FROM changed GROUP BY platform, state ORDER BY platform, state) n;
    ELSE
        PERFORM count_connection(OLD.platform, OLD.state, -1), count_connection(NEW.platform, NEW.state, 1);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER count_new AFTER INSERT ON users REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_users();
CREATE TRIGGER count_gone AFTER DELETE ON users REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_users();
CREATE TRIGGER count_changed AFTER UPDATE OF tier ON users
    FOR EACH ROW WHEN (OLD.tier IS DISTINCT FROM NEW.tier) EXECUTE FUNCTION count_users();
CREATE TRIGGER count_new AFTER INSERT ON connections REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_connections();
CREATE TRIGGER count_gone AFTER DELETE ON connections REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_connections();
CREATE TRIGGER count_changed AFTER UPDATE OF state, platform ON connections
    FOR EACH ROW WHEN ((OLD.platform, OLD.state) IS DISTINCT FROM (NEW.platform, NEW.state)) EXECUTE FUNCTION count_connections();

ALTER TABLE nodes ADD COLUMN leases integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN nodes.leases IS 'how many it held at its last heartbeat';

ALTER TABLE run_stats ADD COLUMN last_finished_at timestamptz, ADD COLUMN last_success_at timestamptz;
UPDATE run_stats SET last_finished_at = hour, last_success_at = CASE WHEN succeeded + partial > 0 THEN hour END;
COMMENT ON COLUMN run_stats.last_success_at IS 'of a run that brought something; NULL: none did';

-- By platform: "the latest runs" is asked of all platforms or of one, and a platform that is seldom asked must not be searched
-- for among the others.
DROP INDEX runs_recent;
ALTER TABLE runs ALTER COLUMN user_id TYPE text COLLATE "C", ALTER COLUMN platform TYPE text COLLATE "C",
                 ALTER COLUMN account_id TYPE text COLLATE "C", ALTER COLUMN node TYPE text COLLATE "C";
CREATE INDEX runs_by_platform ON runs (platform, started_at DESC, run_id DESC);

CREATE VIEW lanes AS
WITH RECURSIVE lanes AS (
    (SELECT lane, slack FROM slots ORDER BY lane, slack LIMIT 1)
    UNION ALL
    SELECT n.lane, n.slack
      FROM lanes l
      CROSS JOIN LATERAL (SELECT s.lane, s.slack FROM slots s WHERE (s.lane, s.slack) > (l.lane, l.slack)
                           ORDER BY s.lane, s.slack LIMIT 1) n
)
SELECT lane, slack FROM lanes;
COMMENT ON VIEW lanes IS 'Found by hopping through the index of slots from one to the next: as quick with a million slots as with ten.';
GRANT SELECT ON lanes TO tally_collector;

-- Whoever ends a run asks for those that are not active any more: few, while connections are many and wide.
CREATE INDEX connections_inactive ON connections (connection_id) WHERE state <> 'active';
