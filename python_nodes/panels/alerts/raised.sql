-- title: Raised and ended a day
-- unit: alerts
-- description: Alerts by the day on which they were raised and on which they ended, and how many stood at that day's end.
-- shape: series
WITH {{concerned}}, began AS (
  SELECT (raised_at AT TIME ZONE 'UTC')::date AS day, count(*) AS alerts FROM concerned GROUP BY 1
), ended AS (
  SELECT (resolved_at AT TIME ZONE 'UTC')::date AS day, count(*) AS alerts FROM concerned
  WHERE resolved_at IS NOT NULL GROUP BY 1
), days AS (
  SELECT coalesce(b.day, e.day) AS day, coalesce(b.alerts, 0) AS raised, coalesce(e.alerts, 0) AS ended
  FROM began b FULL JOIN ended e ON e.day = b.day
), before AS (
  SELECT coalesce(sum(raised - ended), 0) AS open FROM days WHERE day < CAST(:start AS date)
)
SELECT d.day AT TIME ZONE 'UTC' AS time, coalesce(x.raised, 0)::int AS raised, coalesce(x.ended, 0)::int AS ended,
  (before.open + sum(coalesce(x.raised, 0) - coalesce(x.ended, 0)) OVER (ORDER BY d.day))::int AS open
FROM {{every_day}}
CROSS JOIN before LEFT JOIN days x ON x.day = d.day::date ORDER BY d.day
