-- What is known of the days of connections.

-- name: covered_connections
-- $1 user, $2 platform or NULL, $3 account or NULL, $4 after this connection or NULL, $5 limit
SELECT connection_id, platform, account_id, state, attributes, created_at
  FROM connections
 WHERE user_id = $1 AND ($2::text IS NULL OR platform = $2) AND ($3::text IS NULL OR account_id = $3)
   AND ($4::bigint IS NULL OR connection_id > $4)
 ORDER BY connection_id
 LIMIT $5

-- name: refusals_of
-- $1 connection ids, $2 platforms: what is refused to them alone, and (connection 0) to all
SELECT connection_id, platform, request, metric, since, code, message
  FROM quarantine
 WHERE connection_id = ANY ($1::bigint[]) OR (connection_id = 0 AND platform = ANY ($2::text[]))
 ORDER BY platform, request, metric, connection_id

-- name: number_days
-- $1 user, $2 platform, $3 account, $4 source, $5 requests, $6 metrics, $7 from these names on, $8 below these names, $9 first
-- day, $10 last day: the days on which there is any number of a metric, broken down or not
SELECT m.request, m.metric, s.date, max(s.fetched_at) AS fetched_at
  FROM unnest($5::text[], $6::text[], $7::text[], $8::text[]) AS m(request, metric, low, high)
  JOIN analytics_snapshots s
    ON s.user_id = $1 AND s.platform = $2 AND s.account_id = $3 AND s.source = $4 AND s.metric >= m.low AND s.metric < m.high
   AND s.date BETWEEN $9::date AND $10::date
 GROUP BY m.request, m.metric, s.date

-- name: connections_by_platform_and_tier
-- $1 platform or NULL
SELECT c.platform, u.tier, count(*) AS connections
  FROM connections c JOIN users u USING (user_id)
 WHERE $1::text IS NULL OR c.platform = $1
 GROUP BY 1, 2 ORDER BY 1, 2

-- name: coverage_totals
-- $1 platforms, $2 tiers, $3 one connection in so many is looked at (1: all); and of the requests: $4 platforms, $5 names,
-- $6 attributes that they are for, $7 whether they are of the moment, $8 first day, $9 last day. The lateral part keeps the
-- planner from reading the whole of `coverage`: its key finds the stretches of one connection.
SELECT g.platform, g.tier, count(*) AS looked_at,
       coalesce(sum(d.wanted), 0)::bigint AS wanted, coalesce(sum(d.final), 0)::bigint AS final,
       coalesce(sum(d.refused), 0)::bigint AS refused, coalesce(sum(d.wanted - d.known), 0)::bigint AS gaps
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS g(platform, tier, one_in)
  JOIN connections c ON c.platform = g.platform
   -- Ids come in the order of an import, which repeats itself: their hash does not.
   AND (g.one_in = 1 OR (hashint8(c.connection_id)::bigint & 2147483647) % g.one_in = 0)
  JOIN users u ON u.user_id = c.user_id AND u.tier = g.tier
  LEFT JOIN LATERAL (
    SELECT sum(w.last_day - w.first_day + 1) AS wanted, sum(k.final) AS final, sum(k.refused) AS refused, sum(k.known) AS known
      FROM unnest($4::text[], $5::text[], $6::text[], $7::boolean[], $8::date[], $9::date[])
           AS r(platform, request, only_if, of_the_moment, first_day, last_day)
     CROSS JOIN LATERAL (
        SELECT r.last_day,
               CASE WHEN r.of_the_moment THEN greatest(r.first_day, (c.created_at AT TIME ZONE 'UTC')::date)
                    ELSE r.first_day END AS first_day) AS w
     CROSS JOIN LATERAL (
        SELECT coalesce(sum(n) FILTER (WHERE state IN ('final', 'empty')), 0) AS final,
               coalesce(sum(n) FILTER (WHERE state = 'refused'), 0) AS refused, coalesce(sum(n), 0) AS known
          FROM (SELECT v.state, least(v.last_day, w.last_day) - greatest(v.first_day, w.first_day) + 1 AS n
                  FROM coverage v
                 WHERE v.connection_id = c.connection_id AND v.request = r.request
                   AND v.first_day <= w.last_day AND v.last_day >= w.first_day) AS part) AS k
     WHERE r.platform = c.platform AND w.first_day <= w.last_day
       AND NOT EXISTS (SELECT 1 FROM jsonb_each(r.only_if::jsonb) AS o
                        WHERE NOT coalesce(o.value ? (c.attributes ->> o.key), false))) AS d ON true
 GROUP BY g.platform, g.tier
 ORDER BY g.platform, g.tier
