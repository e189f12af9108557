-- Alerts are told, through an outbox that survives restarts and unreachable channels.
ALTER TABLE alerts ADD COLUMN told_at timestamptz, ADD COLUMN over_told_at timestamptz;
COMMENT ON COLUMN alerts.told_at IS 'when a message about it was last put into the outbox';
COMMENT ON COLUMN alerts.over_told_at IS 'when the message that it is over was';
-- What was over before anything could be told stays untold.
CREATE INDEX alerts_to_tell ON alerts (kind) WHERE resolved_at IS NULL OR (told_at IS NOT NULL AND over_told_at IS NULL);

CREATE TABLE outbox (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    text COLLATE "C" NOT NULL,
    message    jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    send_at    timestamptz NOT NULL DEFAULT now(),
    attempt    integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    token      bigint,
    error      text NOT NULL DEFAULT '',
    sent_at    timestamptz,
    failed_at  timestamptz,
    CHECK (sent_at IS NULL OR failed_at IS NULL)
);
CREATE INDEX outbox_waiting ON outbox (send_at) WHERE sent_at IS NULL AND failed_at IS NULL;
COMMENT ON TABLE outbox IS 'Messages on their way to the channels of the configuration. Delivered at least once.';
COMMENT ON COLUMN outbox.send_at IS 'when to try, or to try again; whoever tries moves it on first, so that a killed node''s message is taken up by another';
COMMENT ON COLUMN outbox.token IS 'of the attempt under way, which its end must name';
COMMENT ON COLUMN outbox.failed_at IS 'given up';
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO tally_collector;
GRANT SELECT (message_id, channel, created_at, send_at, attempt, error, sent_at, failed_at) ON outbox TO tally_reader;

-- Numbers stay for a while as the tier before kept them: a change of tier may be a mistake, or be taken back.
ALTER TABLE users ADD COLUMN tier_before text COLLATE "C", ADD COLUMN tier_since timestamptz;
COMMENT ON COLUMN users.tier_before IS 'the tier until tier_since; NULL: it was never another one';
CREATE FUNCTION note_tier() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tier_before := OLD.tier;
    NEW.tier_since := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER note_tier BEFORE UPDATE OF tier ON users
    FOR EACH ROW WHEN (OLD.tier IS DISTINCT FROM NEW.tier) EXECUTE FUNCTION note_tier();
