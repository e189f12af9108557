-- Work by deadline, leases that survive no restart, slots that are all accounted for, and kept counters.

-- Names compare byte by byte, as in analytics_snapshots: joins look them up several times faster, and lists come in the same
-- order everywhere.
ALTER TABLE users ALTER COLUMN user_id TYPE text COLLATE "C";
ALTER TABLE user_keys ALTER COLUMN user_id TYPE text COLLATE "C";
ALTER TABLE connections ALTER COLUMN user_id TYPE text COLLATE "C", ALTER COLUMN platform TYPE text COLLATE "C",
                        ALTER COLUMN account_id TYPE text COLLATE "C";
ALTER TABLE nodes ALTER COLUMN node_id TYPE text COLLATE "C";
ALTER TABLE coverage ALTER COLUMN request TYPE text COLLATE "C";
ALTER TABLE quarantine ALTER COLUMN platform TYPE text COLLATE "C", ALTER COLUMN request TYPE text COLLATE "C",
                       ALTER COLUMN metric TYPE text COLLATE "C";
ALTER TABLE rate_budgets ALTER COLUMN platform TYPE text COLLATE "C", ALTER COLUMN scope TYPE text COLLATE "C",
                         ALTER COLUMN key TYPE text COLLATE "C", ALTER COLUMN name TYPE text COLLATE "C";

-- A lane is a queue of slots with the same terms: the same platform and app, the same slack. Within a lane work is served in
-- the order in which it fell due; between lanes by deadline, which is due_at plus the slack.
ALTER TABLE slots ADD COLUMN lane text COLLATE "C", ADD COLUMN slack integer, ADD COLUMN spare_at timestamptz;
UPDATE slots s
   SET lane = c.platform || coalesce('/' || nullif(c.attributes ->> 'app', ''), ''), slack = 900
  FROM connections c WHERE c.connection_id = s.connection_id;
ALTER TABLE slots ALTER COLUMN lease_node TYPE text COLLATE "C", ALTER COLUMN lane SET NOT NULL, ADD CHECK (lane <> ''),
                  ALTER COLUMN slack SET NOT NULL, ADD CHECK (slack >= 0);
-- What follows from other columns is not written by anybody.
ALTER TABLE slots DROP COLUMN due_at;
ALTER TABLE slots ADD COLUMN due_at timestamptz NOT NULL GENERATED ALWAYS AS (least(collect_at, upkeep_at)) STORED;
COMMENT ON COLUMN slots.due_at IS 'serve from then on: the earlier one of collect_at and upkeep_at';
-- Lease columns stand in no index, so a claim stays a heap-only update.
CREATE INDEX slots_lanes ON slots (lane, slack, due_at, connection_id);
CREATE INDEX slots_spare ON slots (lane, spare_at, connection_id) WHERE spare_at IS NOT NULL;
COMMENT ON COLUMN slots.lane IS 'the platform, or PLATFORM/APP for connections of a further app';
COMMENT ON COLUMN slots.slack IS 'seconds after due_at until which it should be served: the tier''s; 0 while somebody waits for it';
COMMENT ON COLUMN slots.spare_at IS 'gaps and long past days may be collected from then on, in what time is left; NULL: none';

ALTER TABLE nodes ADD COLUMN first_token bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN nodes.first_token IS 'leases with older tokens were left behind by an earlier life of the node: they are free';

CREATE VIEW free_slots AS
SELECT s.*
  FROM slots s
 WHERE s.lease_node IS NULL
    OR EXISTS (SELECT 1 FROM nodes n WHERE n.node_id = s.lease_node AND (n.alive_until <= now() OR s.lease_token < n.first_token));
COMMENT ON VIEW free_slots IS 'Slots that nobody serves. A node that is not known at all (it registered a moment ago, behind the snapshot of whoever asks) is taken for living.';
GRANT SELECT, UPDATE ON free_slots TO tally_collector;

ALTER TABLE runs DROP CONSTRAINT runs_trigger_check;
ALTER TABLE runs ADD CONSTRAINT runs_trigger_check CHECK (trigger IN ('schedule', 'manual', 'retry', 'gap'));

-- A night of missed slots is one row.
ALTER TABLE slot_exceptions ADD COLUMN last_slot_at timestamptz, ADD COLUMN slots integer NOT NULL DEFAULT 1 CHECK (slots > 0);
UPDATE slot_exceptions SET last_slot_at = slot_at;
ALTER TABLE slot_exceptions ALTER COLUMN last_slot_at SET NOT NULL, ADD CHECK (last_slot_at >= slot_at),
                            ADD CHECK ((slots = 1) = (last_slot_at = slot_at));
COMMENT ON TABLE slot_exceptions IS 'Slots that no run served, as stretches of the connection''s schedule; served ones are runs.slot_at.';
COMMENT ON COLUMN slot_exceptions.slot_at IS 'the first slot of the stretch';
COMMENT ON COLUMN slot_exceptions.slots IS 'how many slots the stretch has';
COMMENT ON COLUMN slot_exceptions.run_id IS 'merged: the run that served a later slot instead; given up: the last one that failed';

CREATE TABLE run_stats (
    hour         timestamptz NOT NULL,
    tier         text COLLATE "C" NOT NULL,
    platform     text COLLATE "C" NOT NULL,
    node         text COLLATE "C" NOT NULL,
    succeeded    bigint NOT NULL,
    partial      bigint NOT NULL,
    failed       bigint NOT NULL,
    requests     bigint NOT NULL,
    rows_written bigint NOT NULL,
    rows_changed bigint NOT NULL,
    lateness     bigint[] NOT NULL,
    PRIMARY KEY (hour, tier, platform, node)
);
COMMENT ON TABLE run_stats IS 'What runs came to, hour by hour: kept counters, so that nobody counts over runs.';
COMMENT ON COLUMN run_stats.node IS 'each node has its own rows: nobody waits for another one''s';
COMMENT ON COLUMN run_stats.lateness IS 'slots by how late they were served, see daemon/schedule/lateness.hpp';

GRANT SELECT, INSERT, UPDATE, DELETE ON run_stats TO tally_collector;
GRANT SELECT ON run_stats, slot_exceptions TO tally_reader;
