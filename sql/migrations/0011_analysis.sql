-- What a number means, and ready-made views for the programs that read the table.

CREATE TABLE metrics (
    platform text COLLATE "C" NOT NULL,
    metric   text COLLATE "C" NOT NULL,
    unit     text NOT NULL,
    additive boolean NOT NULL,
    replaces text NOT NULL DEFAULT '',
    PRIMARY KEY (platform, metric)
);
COMMENT ON TABLE metrics IS 'What the platform files say of each metric. Kept by the duty "metrics"; those that are not asked any more stay, as their numbers do.';
COMMENT ON COLUMN metrics.metric IS 'without dimensions: the part of analytics_snapshots.metric before its first dot';
COMMENT ON COLUMN metrics.additive IS 'numbers of days may be added up';
COMMENT ON COLUMN metrics.replaces IS 'the historic name that people may know; empty: none';
GRANT SELECT ON metrics TO tally_collector, tally_reader;

CREATE FUNCTION summary_of(period text, additive boolean) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE WHEN period = 'now' THEN 'latest' WHEN additive THEN 'total' ELSE 'average' END
$$;
COMMENT ON FUNCTION summary_of IS 'How the numbers of several days become one: counters of the moment are what they were last, additive numbers of days are added up, and of others (people reached, percentages) only an average means something.';

CREATE VIEW snapshots_described AS
SELECT s.user_id, s.platform, s.account_id, s.source, s.metric, s.date, s.value, s.unit, s.final, s.fetched_at,
       s.metadata ->> 'currency' AS currency, summary_of(s.metadata ->> 'period', m.additive) AS summary
  FROM snapshots_export s
  LEFT JOIN metrics m ON m.platform = s.platform AND m.metric = split_part(s.metric, '.', 1);
COMMENT ON VIEW snapshots_described IS 'Every number with its unit, its currency and how several days of it become one (total, average or latest).';

CREATE VIEW snapshots_current AS
SELECT DISTINCT ON (user_id, platform, account_id, source, metric)
       user_id, platform, account_id, source, metric, date, value, unit, currency, summary, final, fetched_at
  FROM snapshots_described
 ORDER BY user_id, platform, account_id, source, metric, date DESC;
COMMENT ON VIEW snapshots_current IS 'The newest number of each metric. Ask for one user_id.';

CREATE VIEW snapshots_daily AS
SELECT user_id, platform, source, metric, date, sum(value) AS value, unit, currency, count(*) AS accounts, bool_and(final) AS final
  FROM snapshots_described
 WHERE summary = 'total'
 GROUP BY user_id, platform, source, metric, date, unit, currency;
COMMENT ON VIEW snapshots_daily IS 'What the accounts of a user came to together on each day; only numbers that may be added up. Ask for one user_id.';

CREATE VIEW snapshots_weekly AS
WITH weekly AS (
    SELECT user_id, platform, account_id, source, metric, date_trunc('week', date)::date AS week,
           (array_agg(summary ORDER BY date DESC))[1] AS summary, (array_agg(unit ORDER BY date DESC))[1] AS unit,
           (array_agg(currency ORDER BY date DESC))[1] AS currency, count(*) AS days, bool_and(final) AS final,
           sum(value) AS total, avg(value) AS average, (array_agg(value ORDER BY date DESC))[1] AS latest
      FROM snapshots_described
     GROUP BY user_id, platform, account_id, source, metric, date_trunc('week', date)
), valued AS (
    SELECT *, CASE summary WHEN 'total' THEN total WHEN 'average' THEN average ELSE latest END AS value FROM weekly
), compared AS (
    SELECT *, lag(week) OVER series = week - 7 AS follows, lag(value) OVER series AS value_before, lag(days) OVER series AS days_before
      FROM valued
    WINDOW series AS (PARTITION BY user_id, platform, account_id, source, metric ORDER BY week)
)
SELECT user_id, platform, account_id, source, metric, week, summary, value, unit, currency, days, final,
       CASE WHEN follows THEN value_before END AS value_before, CASE WHEN follows THEN days_before ELSE 0 END AS days_before,
       CASE WHEN follows AND (summary <> 'total' OR days = days_before) THEN value - value_before END AS change
  FROM compared;
COMMENT ON VIEW snapshots_weekly IS 'Weeks from Monday on, each beside the one before. A total of fewer days than the other week''s has no change: it would be a guess. Ask for one user_id.';

CREATE VIEW snapshots_coverage AS
SELECT c.user_id, c.platform, c.account_id, v.request, v.first_day, v.last_day, v.state, v.asked_at
  FROM coverage v
  JOIN connections c USING (connection_id);
COMMENT ON VIEW snapshots_coverage IS 'What is known of the days of each request: final, provisional, pending, empty or refused. Days that are not there were never asked.';

GRANT SELECT ON snapshots_described, snapshots_current, snapshots_daily, snapshots_weekly, snapshots_coverage
    TO tally_collector, tally_reader;
