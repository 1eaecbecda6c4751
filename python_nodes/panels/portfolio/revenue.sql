-- title: Booked revenue a day
-- unit: money
-- description: Value of the bookings made that day (later cancelled ones included) where the channel tells reservations,
--   by currency of the booking; beside it expected bookings times what a booking of the listing was worth of late, and
--   the same weekday 52 weeks before. The last days have no expectation until they are added up.
-- shape: series
WITH {{chosen}}, edge AS MATERIALIZED (
  SELECT e.day, e.day::timestamp AT TIME ZONE 'UTC' - interval '1 day' AS at, {{after_end}} + interval '1 day' AS until_at
  FROM (SELECT greatest(CAST(:start AS date) - 364, coalesce((SELECT max(day) FROM portfolio_days) + 1,
    CAST(:start AS date) - 364)) AS day) e
), sold AS (
  SELECT b.currency, b.day, sum(b.total_amount_minor)::float8 AS amount_minor
  FROM edge CROSS JOIN chosen c CROSS JOIN LATERAL (
    SELECT k.currency, (k.booked_at AT TIME ZONE c.timezone)::date AS day, k.total_amount_minor FROM bookings k
    WHERE k.listing_id = c.listing_id AND k.booked_at >= edge.at AND k.booked_at < edge.until_at OFFSET 0) b
  WHERE b.day BETWEEN edge.day AND CAST(:end AS date) GROUP BY b.currency, b.day
), daily AS (
  SELECT currency, day, sum(amount) AS amount, sum(expected) AS expected FROM (
    SELECT s.currency, s.day, s.amount_minor / {{scale s.currency}} AS amount, NULL::float8 AS expected FROM sold s
    UNION ALL
    SELECT k.currency, k.day, k.revenue, k.expected_revenue FROM portfolio_days k
    WHERE k.channel <> '' AND k.day BETWEEN CAST(:start AS date) - 364 AND CAST(:end AS date)
      AND (k.revenue IS NOT NULL OR k.expected_revenue IS NOT NULL)
      AND (CAST(:market AS text[]) IS NULL OR k.market = ANY(CAST(:market AS text[])))
      AND (CAST(:channel AS text[]) IS NULL OR k.channel = ANY(CAST(:channel AS text[])))) x
  GROUP BY currency, day
), currencies AS (SELECT DISTINCT currency FROM daily)
SELECT d.day AT TIME ZONE 'UTC' AS time, k.currency, o.amount AS observed, o.expected, y.amount AS year_before
FROM {{every_day}}
CROSS JOIN currencies k
LEFT JOIN daily o ON o.day = d.day::date AND o.currency = k.currency
LEFT JOIN daily y ON y.day = d.day::date - 364 AND y.currency = k.currency
ORDER BY d.day, k.currency
