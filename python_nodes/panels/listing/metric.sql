-- shape: band
WITH told AS (
  SELECT DISTINCT ON (m.day_date) m.day_date, m.{{metric}} AS value FROM metrics_daily m
  WHERE m.listing_id = CAST(:listing_id AS bigint) AND m.{{metric}} IS NOT NULL
    AND m.day_date BETWEEN CAST(:start AS date) AND CAST(:end AS date)
  ORDER BY m.day_date, m.as_of_at DESC, m.source DESC
)
SELECT d.day AT TIME ZONE 'UTC' AS time, t.value AS observed, b.expected, b.lower, b.upper
FROM {{every_day}}
LEFT JOIN told t ON t.day_date = d.day::date
LEFT JOIN metric_bands b ON b.listing_id = CAST(:listing_id AS bigint) AND b.metric = '{{metric}}'
  AND b.day = d.day::date
ORDER BY d.day
