-- Weekly reports: rounds through the users of a zone, what was built, and to whom it goes.

-- name: report_zones
WITH RECURSIVE zones AS (
    (SELECT zone FROM users ORDER BY zone LIMIT 1)
    UNION ALL
    SELECT n.zone
      FROM zones z
      CROSS JOIN LATERAL (SELECT u.zone FROM users u WHERE u.zone > z.zone ORDER BY u.zone LIMIT 1) n
)
SELECT zone FROM zones

-- name: begin_round
-- $1 zone, $2 Monday: behind which user it goes on; no row when it was gone through.
INSERT INTO report_rounds AS r (zone, week) VALUES ($1, $2::date)
ON CONFLICT (zone, week) DO UPDATE SET zone = excluded.zone WHERE r.finished_at IS NULL
RETURNING after_user

-- name: end_old_rounds
-- $1 zone, $2 Monday: rounds of weeks before that nobody will go on with
UPDATE report_rounds SET finished_at = now() WHERE zone = $1 AND week < $2::date AND finished_at IS NULL
RETURNING week, after_user

-- name: users_to_report
-- $1 zone, $2 behind this user, $3 tiers with reports, $4 limit
SELECT user_id FROM users WHERE zone = $1 AND user_id > $2 AND tier = ANY ($3::text[]) ORDER BY user_id LIMIT $4

-- name: advance_round
-- $1 zone, $2 Monday, $3 the user that was looked at last, $4 whether that was the last one
UPDATE report_rounds SET after_user = $3, finished_at = CASE WHEN $4 THEN now() END WHERE zone = $1 AND week = $2::date

-- name: note_report
-- $1 user, $2 Monday, $3 node, $4 metrics, $5 bytes of the page, $6 of the workbook
INSERT INTO reports (user_id, week, node, metrics, html_bytes, xlsx_bytes) VALUES ($1, $2::date, $3, $4, $5, $6)
ON CONFLICT (user_id, week) DO UPDATE
   SET built_at = now(), node = excluded.node, metrics = excluded.metrics, html_bytes = excluded.html_bytes,
       xlsx_bytes = excluded.xlsx_bytes, mail_error = ''

-- name: mail_report
-- $1 user, $2 Monday, $3 whether one that was mailed before is mailed again: into the outbox, when the user has an address; not
-- twice while it waits there
INSERT INTO outbox (channel, message, report_user, report_week)
SELECT 'weekly reports', '{}', r.user_id, $2::date
  FROM report_recipients r
 WHERE r.user_id = $1
   AND ($3 OR NOT EXISTS (SELECT 1 FROM reports m
                           WHERE m.user_id = r.user_id AND m.week = $2::date AND m.mailed_at IS NOT NULL))
ON CONFLICT (report_user, report_week) WHERE report_user IS NOT NULL AND sent_at IS NULL AND failed_at IS NULL DO NOTHING

-- name: zone_of_user
SELECT zone, tier FROM users WHERE user_id = $1

-- name: report_recipient
SELECT address FROM report_recipients WHERE user_id = $1

-- name: set_report_recipient
INSERT INTO report_recipients (user_id, address) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET address = excluded.address

-- name: drop_report_recipient
DELETE FROM report_recipients WHERE user_id = $1

-- name: forget_waiting_reports
-- $1 user: mails that were not sent yet, and what was wrong with them
WITH waiting AS (DELETE FROM outbox WHERE report_user = $1 AND sent_at IS NULL AND failed_at IS NULL)
UPDATE reports SET mail_error = '' WHERE user_id = $1 AND mail_error <> ''

-- name: report_mailed
-- $1 user, $2 Monday, $3 error; empty: the mail server took it
UPDATE reports SET mailed_at = CASE WHEN $3 = '' THEN now() ELSE mailed_at END, mail_error = $3 WHERE user_id = $1 AND week = $2::date

-- name: list_reports
-- $1 user or NULL, $2 week or NULL, $3 and $4 behind this Monday and user or NULL, $5 limit. The newest week first; the rest of the
-- week and those before it are looked for apart, so that each begins in the index where it should.
SELECT l.*, EXISTS (SELECT 1 FROM outbox o WHERE o.report_user = l.user_id AND o.report_week = l.week
                                             AND o.sent_at IS NULL AND o.failed_at IS NULL) AS mail_waiting
  FROM ((SELECT user_id, week, built_at, node, metrics, html_bytes, xlsx_bytes, mailed_at, mail_error
           FROM reports
          WHERE week = $3::date AND user_id > $4
            AND ($1::text IS NULL OR user_id = $1) AND ($2::date IS NULL OR week = $2::date)
          ORDER BY week DESC, user_id LIMIT $5)
        UNION ALL
        (SELECT user_id, week, built_at, node, metrics, html_bytes, xlsx_bytes, mailed_at, mail_error
           FROM reports
          WHERE week < coalesce($3::date, 'infinity')
            AND ($1::text IS NULL OR user_id = $1) AND ($2::date IS NULL OR week = $2::date)
          ORDER BY week DESC, user_id LIMIT $5)) AS l
 ORDER BY week DESC, user_id
 LIMIT $5

-- name: find_report
-- $1 user, $2 Monday; NULL: the newest one
SELECT week, node FROM reports WHERE user_id = $1 AND ($2::date IS NULL OR week = $2::date) ORDER BY week DESC LIMIT 1

-- name: delete_old_reports
-- $1 Monday: of the weeks before, $2 limit
DELETE FROM reports WHERE ctid = ANY (ARRAY (SELECT ctid FROM reports WHERE week < $1::date LIMIT $2))

-- name: delete_old_rounds
-- $1 Monday: of the weeks before
DELETE FROM report_rounds WHERE week < $1::date
