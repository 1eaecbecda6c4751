-- title: Verdicts a week
-- unit: verdicts
-- description: People's last word on alerts, by the week in which it was given; precision is the share that was real.
-- shape: series
-- columns: precision=share
WITH {{concerned}}, last_word AS (
  SELECT DISTINCT ON (v.alert_id) v.alert_id, v.is_real, v.given_at FROM verdicts v JOIN concerned a ON a.id = v.alert_id
  ORDER BY v.alert_id, v.given_at DESC, v.id DESC
)
SELECT date_trunc('week', given_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS time,
  count(*) FILTER (WHERE is_real)::int AS real, count(*) FILTER (WHERE NOT is_real)::int AS false_alarms,
  avg(is_real::int)::float8 AS precision
FROM last_word WHERE given_at >= {{from_start}} AND given_at < {{after_end}} GROUP BY 1 ORDER BY 1
