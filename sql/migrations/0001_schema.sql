-- The first schema. Runs as tally_admin, which owns everything; see design of roles in tally(7).

-- Customers and what we may read of them ------------------------------------------------------------------------------

CREATE TABLE users (
    user_id    text PRIMARY KEY CHECK (length(user_id) BETWEEN 1 AND 200),
    tier       text NOT NULL CHECK (tier <> ''),
    zone       text NOT NULL DEFAULT 'UTC' CHECK (zone <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE users IS 'Customers of the host application.';
COMMENT ON COLUMN users.user_id IS 'chosen by the host application';
COMMENT ON COLUMN users.tier IS 'a name under tiers: in the configuration';
COMMENT ON COLUMN users.zone IS 'IANA time zone, for reports';

CREATE TABLE user_keys (
    user_id    text PRIMARY KEY,
    sealed_key bytea NOT NULL
);
COMMENT ON TABLE user_keys IS 'One key a user, sealed under the master key. No foreign key: it outlives its user until erased.';

CREATE TABLE connections (
    connection_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       text NOT NULL REFERENCES users,
    platform      text NOT NULL CHECK (platform = lower(platform) AND length(platform) BETWEEN 1 AND 50),
    account_id    text NOT NULL CHECK (length(account_id) BETWEEN 1 AND 200),
    state         text NOT NULL DEFAULT 'active'
                  CHECK (state IN ('active', 'paused', 'needs_authorization', 'gone')),
    state_reason  text NOT NULL DEFAULT '',
    state_since   timestamptz NOT NULL DEFAULT now(),
    attributes    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    credential    bytea NOT NULL,
    expires_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, platform, account_id)
);
CREATE INDEX connections_attention ON connections (state_since) WHERE state IN ('needs_authorization', 'gone');
COMMENT ON TABLE connections IS 'Platform accounts that we may read.';
COMMENT ON COLUMN connections.account_id IS 'the platform''s own id of the account';
COMMENT ON COLUMN connections.attributes IS 'given at registration or learned by look-ups: timezone, currency, app, …';
COMMENT ON COLUMN connections.credential IS 'sealed tokens; user, platform and account are bound to it';
COMMENT ON COLUMN connections.expires_at IS 'of the access token, where known';

CREATE TABLE consents (
    consent_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       text NOT NULL,
    platform      text NOT NULL,
    account_id    text NOT NULL,
    granted       boolean NOT NULL,
    source        text NOT NULL,
    at            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX consents_by_user ON consents (user_id, platform, account_id, at);
COMMENT ON TABLE consents IS 'Every time a connection was allowed (granted) or taken away, and through what.';

-- When and who --------------------------------------------------------------------------------------------------------

CREATE SEQUENCE lease_token;
COMMENT ON SEQUENCE lease_token IS 'A lease''s token; it is also the id of the run that the lease makes.';

CREATE TABLE slots (
    connection_id bigint PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    due_at        timestamptz NOT NULL,
    slot_at       timestamptz NOT NULL,
    lease_token   bigint,
    lease_node    text,
    attempt       smallint NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    CHECK ((lease_token IS NULL) = (lease_node IS NULL))
) WITH (fillfactor = 70);
-- Lease columns stand in no index, so a claim stays a heap-only update.
CREATE INDEX slots_due ON slots (due_at, connection_id);
COMMENT ON TABLE slots IS 'When each connection is served next, and by whom. Narrow on purpose: it is updated by every run.';
COMMENT ON COLUMN slots.due_at IS 'serve from then on: the slot, a retry, a trigger; infinity while the connection is not active';
COMMENT ON COLUMN slots.slot_at IS 'the regular slot that is pursued; retries and triggers do not move it';
COMMENT ON COLUMN slots.lease_token IS 'finish and release must name it';
COMMENT ON COLUMN slots.attempt IS 'attempts made for slot_at, the one under way included';

CREATE TABLE nodes (
    node_id     text PRIMARY KEY,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    alive_until timestamptz NOT NULL
);
COMMENT ON TABLE nodes IS 'Running daemons. The leases of a node whose alive_until has passed are free.';

CREATE TABLE triggers (
    trigger_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_group     bigint NOT NULL,
    connection_id bigint NOT NULL REFERENCES connections ON DELETE CASCADE,
    from_day      date,
    to_day        date,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'succeeded', 'partial', 'failed')),
    run_id        bigint,
    CHECK ((from_day IS NULL) = (to_day IS NULL)),
    CHECK (from_day <= to_day),
    CHECK (state <> 'waiting' OR run_id IS NULL)
);
CREATE SEQUENCE run_group;
CREATE INDEX triggers_by_group ON triggers (run_group);
CREATE INDEX triggers_waiting ON triggers (connection_id) WHERE state = 'waiting';
COMMENT ON TABLE triggers IS 'Runs asked for by hand; the members of one request share run_group.';
COMMENT ON COLUMN triggers.from_day IS 'NULL: the ordinary plan';
COMMENT ON COLUMN triggers.run_id IS 'the run that served it; NULL beside failed: the connection stopped being active first';

CREATE TABLE slot_exceptions (
    connection_id bigint NOT NULL,
    slot_at       timestamptz NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('merged', 'skipped', 'given_up')),
    reason        text NOT NULL,
    run_id        bigint,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, slot_at)
);
COMMENT ON TABLE slot_exceptions IS 'Slots that no run served; served ones are runs.slot_at.';

-- What was done -------------------------------------------------------------------------------------------------------

CREATE TABLE runs (
    run_id        bigint NOT NULL,
    connection_id bigint NOT NULL,
    user_id       text NOT NULL,
    platform      text NOT NULL,
    account_id    text NOT NULL,
    trigger       text NOT NULL CHECK (trigger IN ('schedule', 'manual', 'retry')),
    slot_at       timestamptz,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    node          text NOT NULL,
    attempt       smallint NOT NULL,
    state         text NOT NULL CHECK (state IN ('succeeded', 'partial', 'failed')),
    requests      integer NOT NULL CHECK (requests >= 0),
    rows_written  integer NOT NULL CHECK (rows_written >= 0),
    rows_changed  integer NOT NULL CHECK (rows_changed BETWEEN 0 AND rows_written),
    error_class   text NOT NULL DEFAULT '',
    error         text NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, started_at)
) PARTITION BY RANGE (started_at);
CREATE INDEX runs_by_connection ON runs (connection_id, started_at DESC);
CREATE INDEX runs_recent ON runs (started_at DESC, run_id DESC);
COMMENT ON TABLE runs IS 'The job execution log: one row a collection of one connection. Partitioned by day.';
COMMENT ON COLUMN runs.run_id IS 'the token of the lease that made it';
COMMENT ON COLUMN runs.slot_at IS 'the regular slot that it served; NULL when none was due';
COMMENT ON COLUMN runs.rows_written IS 'numbers that the platform gave and the table holds now';
COMMENT ON COLUMN runs.rows_changed IS 'of these, new ones and those that differ from what was held';

CREATE TABLE coverage (
    connection_id bigint NOT NULL REFERENCES connections ON DELETE CASCADE,
    request       text NOT NULL,
    first_day     date NOT NULL,
    last_day      date NOT NULL,
    state         text NOT NULL CHECK (state IN ('final', 'provisional', 'pending', 'empty', 'refused')),
    asked_at      timestamptz NOT NULL,
    run_id        bigint NOT NULL,
    PRIMARY KEY (connection_id, request, first_day),
    CHECK (first_day <= last_day)
);
COMMENT ON TABLE coverage IS 'What is known about each day of each request of a connection, as stretches of equal days. No row: never asked.';

-- The numbers ---------------------------------------------------------------------------------------------------------

CREATE TABLE analytics_snapshots (
    user_id       text COLLATE "C" NOT NULL CHECK (length(user_id) BETWEEN 1 AND 200),
    platform      text COLLATE "C" NOT NULL CHECK (platform = lower(platform)),
    account_id    text COLLATE "C" NOT NULL CHECK (length(account_id) BETWEEN 1 AND 200),
    source        text COLLATE "C" NOT NULL,
    metric        text COLLATE "C" NOT NULL CHECK (length(metric) BETWEEN 1 AND 300),
    value         double precision NOT NULL
                  CHECK (value > '-Infinity'::float8 AND value < 'Infinity'::float8),
    date          date NOT NULL,
    post_id       text CHECK (post_id IS NULL),
    metadata      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    fetched_at    timestamptz NOT NULL,
    run_id        bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    revision      integer NOT NULL DEFAULT 0 CHECK (revision >= 0),
    -- post_id is not part of the key: it is always NULL, and NULLs would let every row in twice.
    PRIMARY KEY (user_id, platform, account_id, source, metric, date)
) PARTITION BY RANGE (date);
-- COLLATE "C": exports are promised in this order, so the key gives it without sorting.
COMMENT ON TABLE analytics_snapshots IS 'One number of one account for one day of the platform. tallyd is its only writer. Partitioned by month. No foreign keys and no triggers, so that it can be distributed by user_id.';
COMMENT ON COLUMN analytics_snapshots.metric IS 'the platform''s own name; broken-down numbers are metric.dimension.value';
COMMENT ON COLUMN analytics_snapshots.date IS 'the day in the platform''s (or the account''s) own zone';
COMMENT ON COLUMN analytics_snapshots.value IS 'money in the platform''s micro-units; the unit is in metadata';
COMMENT ON COLUMN analytics_snapshots.fetched_at IS 'database clock, when this value was obtained; the same number again writes nothing';
COMMENT ON COLUMN analytics_snapshots.run_id IS 'the run that obtained this value';
COMMENT ON COLUMN analytics_snapshots.revision IS 'how often the platform restated the number after its day was over';

CREATE TABLE snapshot_revisions (
    user_id     text COLLATE "C" NOT NULL,
    platform    text COLLATE "C" NOT NULL,
    account_id  text COLLATE "C" NOT NULL,
    source      text COLLATE "C" NOT NULL,
    metric      text COLLATE "C" NOT NULL,
    date        date NOT NULL,
    revision    integer NOT NULL,
    value       double precision NOT NULL,
    metadata    jsonb NOT NULL,
    fetched_at  timestamptz NOT NULL,
    run_id      bigint NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, platform, account_id, source, metric, date, revision)
);
COMMENT ON TABLE snapshot_revisions IS 'Values that a platform restated, as they stood before.';

CREATE VIEW snapshots_export AS
SELECT user_id, platform, account_id, source, metric, date, value,
       metadata ->> 'unit' AS unit,
       coalesce((metadata ->> 'final')::boolean, false)
           OR coalesce((metadata ->> 'final_at')::timestamptz <= now(), false) AS final,
       fetched_at, revision, metadata
  FROM analytics_snapshots;
COMMENT ON VIEW snapshots_export IS 'What exports show. A number of the moment is final once its day has ended.';

-- Periodic work other than collection ---------------------------------------------------------------------------------

CREATE TABLE duties (
    name        text PRIMARY KEY,
    due_at      timestamptz NOT NULL,
    lease_node  text,
    last_start  timestamptz,
    last_end    timestamptz,
    last_error  text NOT NULL DEFAULT ''
);
COMMENT ON TABLE duties IS 'Work that one node at a time does: partitions made ahead, expired rows dropped.';
