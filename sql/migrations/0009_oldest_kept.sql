-- The oldest day of which a user keeps numbers, by the tiers' retention. One rule for numbers, restated values and coverage.
CREATE FUNCTION oldest_kept(tier text, tier_before text, tier_since timestamptz, tiers text[], oldest date[], elsewhere date, grace_days integer)
RETURNS date STABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT CASE
               -- no user any more, or a tier that the configuration does not know
               WHEN now_at IS NULL THEN elsewhere
               WHEN before_at IS NULL OR tier_since <= now() - make_interval(days => grace_days) THEN oldest[now_at]
               -- least() passes over NULL, which here is "all"
               WHEN oldest[now_at] IS NOT NULL AND oldest[before_at] IS NOT NULL THEN least(oldest[now_at], oldest[before_at])
           END
      FROM (SELECT array_position(tiers, tier) AS now_at, array_position(tiers, tier_before) AS before_at) AS place
$$;
COMMENT ON FUNCTION oldest_kept IS 'tiers and oldest: each known tier and the oldest day it keeps (NULL: all); elsewhere: the same for users of no known tier; grace_days: so long the tier before goes on to keep';
