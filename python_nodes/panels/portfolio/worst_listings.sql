-- title: Listings with most at stake
-- unit: money
-- description: The twenty listings whose open alerts put most at stake, in the tenant's currency, with their bookings of the
--   28 days before the end of the range beside the 28 days before those.
-- shape: table
-- series: listings_at_stake
-- back: 55
-- columns: at_stake=money, a_day=money, change=share
-- links: listing_id=listing
-- hidden: trend
WITH {{chosen}}, {{open_alerts}}, worst AS (
  SELECT p.listing_id, count(*)::int AS alerts, sum(p.at_stake) AS at_stake, sum(p.a_day) AS a_day,
    (array_agg(p.category ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], p.category)))[1] AS severity
  FROM parts p JOIN chosen c ON c.listing_id = p.listing_id
  GROUP BY p.listing_id ORDER BY at_stake DESC, p.listing_id LIMIT 20
)
SELECT w.listing_id, c.title, c.channel, c.market, c.property, w.severity, w.alerts, w.at_stake, w.a_day, t.bookings,
  t.before, t.bookings / nullif(t.before, 0) - 1 AS change, t.trend
FROM worst w JOIN chosen c ON c.listing_id = w.listing_id CROSS JOIN LATERAL (
  SELECT sum(s.value) FILTER (WHERE s.day > CAST(:end AS date) - 28) AS bookings,
    sum(s.value) FILTER (WHERE s.day <= CAST(:end AS date) - 28) AS before,
    array_agg(s.value ORDER BY s.day) FILTER (WHERE s.day > CAST(:end AS date) - 28) AS trend
  FROM (SELECT d.day::date AS day, (SELECT m.booking_velocity FROM metrics_daily m
      WHERE m.listing_id = w.listing_id AND m.day_date = d.day::date AND m.booking_velocity IS NOT NULL
      ORDER BY m.as_of_at DESC, m.source DESC LIMIT 1) AS value
    FROM generate_series(CAST(:end AS date) - 55, CAST(:end AS date), interval '1 day') AS d (day)) s) t
ORDER BY w.at_stake DESC, w.listing_id
