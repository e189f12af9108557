-- What is known of the platforms' health: refused metrics, budgets, alerts; and when tokens want care.

-- A slot is due for collection or for the care of its token, whichever comes first.
ALTER TABLE slots ADD COLUMN collect_at timestamptz, ADD COLUMN upkeep_at timestamptz;
UPDATE slots SET collect_at = due_at;
ALTER TABLE slots ALTER COLUMN collect_at SET NOT NULL,
                  ADD CHECK (due_at = least(collect_at, upkeep_at));
COMMENT ON COLUMN slots.due_at IS 'serve from then on: the earlier one of collect_at and upkeep_at';
COMMENT ON COLUMN slots.collect_at IS 'collect from then on: the slot, a retry, a trigger; infinity while the connection is not active';
COMMENT ON COLUMN slots.upkeep_at IS 'the token wants to be refreshed or validated; NULL: never by itself';

-- A long backfill is served by many runs.
ALTER TABLE triggers ADD COLUMN requests_made integer NOT NULL DEFAULT 0 CHECK (requests_made >= 0),
                     ADD COLUMN requests_left integer CHECK (requests_left >= 0);
COMMENT ON COLUMN triggers.requests_left IS 'planned and not made yet; NULL before the first run';

CREATE TABLE quarantine (
    platform      text NOT NULL,
    request       text NOT NULL,
    metric        text NOT NULL,
    connection_id bigint NOT NULL DEFAULT 0,
    since         timestamptz NOT NULL DEFAULT now(),
    probe_at      timestamptz NOT NULL,
    code          text NOT NULL,
    message       text NOT NULL,
    PRIMARY KEY (connection_id, platform, request, metric)
);
CREATE INDEX quarantine_by_metric ON quarantine (platform, request, metric);
COMMENT ON TABLE quarantine IS 'Metrics that a platform refuses: not asked for until the next probe.';
COMMENT ON COLUMN quarantine.metric IS 'empty: the whole request';
COMMENT ON COLUMN quarantine.connection_id IS '0: refused for every connection';

CREATE TABLE alerts (
    alert_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL,
    subject      text NOT NULL,
    message      text NOT NULL,
    raised_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    seen         bigint NOT NULL DEFAULT 1 CHECK (seen > 0),
    acked_at     timestamptz,
    resolved_at  timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE resolved_at IS NULL;
COMMENT ON TABLE alerts IS 'What a person should know: one open row for each cause, however often it is seen.';

CREATE TABLE rate_budgets (
    platform      text NOT NULL,
    scope         text NOT NULL CHECK (scope IN ('app', 'token', 'account')),
    key           text NOT NULL,
    name          text NOT NULL,
    window_start  timestamptz,
    window_end    timestamptz,
    allowed       bigint,
    granted       bigint NOT NULL DEFAULT 0 CHECK (granted >= 0),
    used          bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    blocked_until timestamptz,
    reason        text NOT NULL DEFAULT '',
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (platform, scope, key, name)
);
CREATE INDEX rate_budgets_blocked ON rate_budgets (blocked_until) WHERE blocked_until IS NOT NULL;
COMMENT ON TABLE rate_budgets IS 'What all nodes together have spent of counted limits, and who was told to wait until when.';
COMMENT ON COLUMN rate_budgets.key IS 'the app''s name, the account''s id, or a hash of the token';
COMMENT ON COLUMN rate_budgets.name IS 'of the limit in the platform file; empty: told to wait';
COMMENT ON COLUMN rate_budgets.granted IS 'handed out to nodes in portions; what they have not used of it is reserved';

GRANT SELECT, INSERT, UPDATE, DELETE ON quarantine, alerts, rate_budgets TO tally_collector;
GRANT SELECT ON quarantine, alerts, rate_budgets TO tally_reader;
