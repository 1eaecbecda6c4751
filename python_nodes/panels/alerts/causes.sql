-- title: Causes
-- unit: money
-- description: Alerts raised in the range by the cause that was told, what they have cost so far, in the tenant's currency, and the
--   median time until they ended.
-- shape: table
-- columns: lost_so_far=money, median_hours=hours
WITH {{concerned}}
SELECT replace(a.cause, '_', ' ') AS cause, count(*)::int AS alerts,
  count(*) FILTER (WHERE a.resolved_at IS NULL)::int AS open,
  sum(a.lost_so_far_minor / {{scale a.currency}}) AS lost_so_far,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.resolved_at - a.raised_at)::float8 / 3600)
    AS median_hours
FROM concerned a WHERE a.raised_at >= {{from_start}} AND a.raised_at < {{after_end}}
GROUP BY a.cause ORDER BY lost_so_far DESC, a.cause
