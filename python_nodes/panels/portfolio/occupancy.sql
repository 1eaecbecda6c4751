-- title: Occupancy
-- unit: share
-- description: Nights sold on the chosen channels as a share of the nights that the units of the chosen markets could
--   sell; a unit counts by its number of rooms. Beside it the same weekday 52 weeks before. A night is told once it is over.
-- shape: series
-- series: listings
-- back: 364
-- begin: kept
WITH {{chosen}}, edge AS MATERIALIZED (
  SELECT greatest(CAST(:start AS date) - 364, coalesce((SELECT max(day) FROM portfolio_days) + 1,
    CAST(:start AS date) - 364)) AS day
), told AS (
  SELECT p.market, l.channel, u.id AS unit_id, u.unit_count, t.day, t.value
  FROM edge CROSS JOIN listings l JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id
  CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.day_date) m.day_date AS day, m.occupancy AS value FROM metrics_daily m
    WHERE m.listing_id = l.id AND m.day_date BETWEEN edge.day AND CAST(:end AS date) AND m.occupancy IS NOT NULL
    ORDER BY m.day_date, m.as_of_at DESC, m.source DESC) t
  WHERE CAST(:market AS text[]) IS NULL OR p.market = ANY(CAST(:market AS text[]))
), units AS (
  SELECT day, unit_id, max(unit_count) AS rooms, sum(value * unit_count) FILTER (
    WHERE CAST(:channel AS text[]) IS NULL OR channel = ANY(CAST(:channel AS text[]))) AS sold_rooms
  FROM told GROUP BY day, unit_id
), days AS (
  SELECT day, rooms, sold_rooms FROM units
  UNION ALL
  SELECT k.day, k.rooms, k.sold_rooms FROM portfolio_days k
  WHERE k.day BETWEEN CAST(:start AS date) - 364 AND CAST(:end AS date)
    AND (CAST(:market AS text[]) IS NULL OR k.market = ANY(CAST(:market AS text[])))
    AND (k.channel = '' OR CAST(:channel AS text[]) IS NULL OR k.channel = ANY(CAST(:channel AS text[])))
), daily AS (
  SELECT day, sum(sold_rooms) / nullif(sum(rooms), 0) AS value FROM days GROUP BY day
)
SELECT d.day AT TIME ZONE 'UTC' AS time, o.value AS observed, y.value AS year_before
FROM {{every_day}}
LEFT JOIN daily o ON o.day = d.day::date LEFT JOIN daily y ON y.day = d.day::date - 364
ORDER BY d.day
