-- title: Brought back
-- unit: money
-- description: What the ends of problems brought back within a week, measured a week after each, by cause and in the tenant's
--   currency: most likely, and the range that four in five lie in.
-- shape: table
-- columns: low=money, mid=money, high=money
WITH {{concerned}}
SELECT replace(r.cause, '_', ' ') AS cause, count(*)::int AS repairs, sum(r.low_minor / {{scale a.currency}}) AS low,
  sum(r.mid_minor / {{scale a.currency}}) AS mid, sum(r.high_minor / {{scale a.currency}}) AS high
FROM repairs r JOIN concerned a ON a.id = r.alert_id
WHERE r.measured_at >= {{from_start}} AND r.measured_at < {{after_end}} GROUP BY r.cause ORDER BY mid DESC, r.cause
