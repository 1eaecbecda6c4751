-- title: Messages a day
-- unit: messages
-- description: Messages by the day for which they were planned: sent, failed, and held back on purpose.
-- shape: stack
WITH {{concerned}}, planned AS (
  SELECT (d.planned_at AT TIME ZONE 'UTC')::date AS day, d.status FROM deliveries d
  WHERE d.planned_at >= {{from_start}} AND d.planned_at < {{after_end}} AND d.alert_id IN (SELECT id FROM concerned)
)
SELECT d.day AT TIME ZONE 'UTC' AS time, count(*) FILTER (WHERE p.status = 'sent')::int AS sent,
  count(*) FILTER (WHERE p.status = 'failed')::int AS failed,
  count(*) FILTER (WHERE p.status = 'suppressed')::int AS held_back
FROM {{every_day}}
LEFT JOIN planned p ON p.day = d.day::date GROUP BY d.day ORDER BY d.day
