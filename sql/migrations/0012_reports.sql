-- Weekly reports: what was built, what is being built, and to whom it goes.

CREATE TABLE reports (
    user_id    text COLLATE "C" NOT NULL,
    week       date NOT NULL CHECK (extract(isodow FROM week) = 1),
    built_at   timestamptz NOT NULL DEFAULT now(),
    node       text COLLATE "C" NOT NULL,
    metrics    integer NOT NULL CHECK (metrics >= 0),
    html_bytes bigint NOT NULL,
    xlsx_bytes bigint NOT NULL,
    mailed_at  timestamptz,
    mail_error text NOT NULL DEFAULT '',
    PRIMARY KEY (user_id, week)
);
CREATE INDEX reports_by_week ON reports (week DESC, user_id);
COMMENT ON TABLE reports IS 'Reports that were built; their files lie under the state directory of the node that built them, and any node can build them anew.';
COMMENT ON COLUMN reports.week IS 'its Monday';
COMMENT ON COLUMN reports.mailed_at IS 'when the mail server last took it; NULL: it was never mailed';

CREATE TABLE report_rounds (
    zone        text COLLATE "C" NOT NULL,
    week        date NOT NULL,
    after_user  text COLLATE "C" NOT NULL DEFAULT '',
    finished_at timestamptz,
    PRIMARY KEY (zone, week)
);
COMMENT ON TABLE report_rounds IS 'How far the reports of a week are for the users of a zone: a round goes through them once.';

-- Addresses are apart from users: whoever reads numbers needs none.
CREATE TABLE report_recipients (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    address text NOT NULL CHECK (length(address) BETWEEN 3 AND 254 AND position('@' IN address) > 1)
);
COMMENT ON TABLE report_recipients IS 'To whom a user''s reports are mailed.';
GRANT SELECT, INSERT, UPDATE, DELETE ON report_recipients TO tally_collector;
GRANT SELECT, INSERT, UPDATE ON reports TO tally_collector;
GRANT SELECT ON reports TO tally_reader;

-- The zones that there are, found by hopping from one to the next.
CREATE INDEX users_by_zone ON users (zone, user_id);

ALTER TABLE outbox ADD COLUMN report_user text COLLATE "C", ADD COLUMN report_week date,
                   ADD CHECK ((report_user IS NULL) = (report_week IS NULL));
-- What is wrong is told before reports, of which there may be many.
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox ((report_user IS NOT NULL), send_at, message_id) WHERE sent_at IS NULL AND failed_at IS NULL;
-- A report waits once, whoever asks for it.
CREATE UNIQUE INDEX outbox_reports ON outbox (report_user, report_week) WHERE report_user IS NOT NULL AND sent_at IS NULL AND failed_at IS NULL;
COMMENT ON COLUMN outbox.report_user IS 'the message is this user''s report of report_week, made when it is sent';
