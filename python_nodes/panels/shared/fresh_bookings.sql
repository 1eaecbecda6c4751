told AS (
  SELECT c.listing_id, c.channel, c.market, t.day, t.value FROM edge CROSS JOIN chosen c CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.day_date) m.day_date AS day, m.booking_velocity AS value FROM metrics_daily m
    WHERE m.listing_id = c.listing_id AND m.day_date BETWEEN edge.day AND CAST(:end AS date)
      AND m.booking_velocity IS NOT NULL
    ORDER BY m.day_date, m.as_of_at DESC, m.source DESC) t
), fresh AS (
  SELECT t.day, t.channel, t.market, count(*) AS listings, sum(t.value) AS bookings, sum(b.expected) AS expected,
    sum(t.value) FILTER (WHERE b.expected IS NOT NULL) AS comparable, sum(((b.upper - b.lower) / 2) ^ 2) AS half_square
  FROM told t LEFT JOIN metric_bands b
    ON b.listing_id = t.listing_id AND b.metric = 'booking_velocity' AND b.day = t.day
  GROUP BY t.day, t.channel, t.market
), days AS (
  SELECT day, channel, market, listings, bookings, expected, comparable, half_square FROM kept
  UNION ALL SELECT day, channel, market, listings, bookings, expected, comparable, half_square FROM fresh
)
