-- title: Time until somebody took it in hand
-- unit: hours
-- description: Median and 90th percentile, by the week in which the alert was raised, of the time to the first acknowledgement,
--   assignment, verdict or resolution by a person; alerts that nobody took are counted in raised only.
-- shape: series
WITH {{concerned}}, spans AS (
  SELECT date_trunc('week', a.raised_at AT TIME ZONE 'UTC') AS week,
    extract(epoch FROM t.taken_at - a.raised_at)::float8 / 3600 AS hours
  FROM concerned a LEFT JOIN taken t ON t.alert_id = a.id
  WHERE a.raised_at >= {{from_start}} AND a.raised_at < {{after_end}}
)
SELECT week AT TIME ZONE 'UTC' AS time, percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) AS median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY hours) AS p90, count(hours)::int AS alerts,
  count(*)::int AS raised
FROM spans GROUP BY week ORDER BY week
