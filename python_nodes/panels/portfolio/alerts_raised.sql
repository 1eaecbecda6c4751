-- title: Alerts raised a day
-- unit: alerts
-- description: Alerts by the day on which they were raised and their severity.
-- shape: stack
WITH {{chosen}}, raised AS (
  SELECT (a.raised_at AT TIME ZONE 'UTC')::date AS day, a.category FROM alerts a
  WHERE a.raised_at >= {{from_start}} AND a.raised_at < {{after_end}} AND (
    a.listing_id IN (SELECT listing_id FROM chosen) OR (a.listing_id IS NULL AND (
      a.property_id IN (SELECT property_id FROM chosen) OR a.market IN (SELECT market FROM chosen))))
)
SELECT d.day AT TIME ZONE 'UTC' AS time, count(*) FILTER (WHERE category = 'critical')::int AS critical,
  count(*) FILTER (WHERE category = 'high')::int AS high, count(*) FILTER (WHERE category = 'medium')::int AS medium,
  count(*) FILTER (WHERE category = 'low')::int AS low
FROM {{every_day}}
LEFT JOIN raised r ON r.day = d.day::date GROUP BY d.day ORDER BY d.day
