-- title: By channel
-- unit: money
-- description: Listings, bookings in the range beside what was expected on the same days, and what open alerts put at
--   stake in the tenant's currency, by channel.
-- shape: split
-- series: listings
-- begin: kept
-- columns: at_stake=money, alerts=count, listings=count, against=share
WITH {{chosen}}, {{open_alerts}}, {{kept}}, {{fresh_bookings}}, sold AS (
  SELECT channel, sum(bookings) AS bookings, sum(expected) AS expected, sum(comparable) AS comparable FROM days GROUP BY channel
), risk AS (
  SELECT listing_id, count(*) AS alerts, sum(at_stake) AS at_stake FROM parts GROUP BY listing_id
), listed AS (
  SELECT c.channel, count(*) AS listings, coalesce(sum(r.alerts), 0) AS alerts, coalesce(sum(r.at_stake), 0) AS at_stake
  FROM chosen c LEFT JOIN risk r ON r.listing_id = c.listing_id GROUP BY c.channel
)
SELECT l.channel, l.listings::int AS listings, s.bookings, s.expected, s.comparable / nullif(s.expected, 0) - 1 AS against,
  l.alerts::int AS alerts, l.at_stake
FROM listed l LEFT JOIN sold s ON s.channel = l.channel ORDER BY l.at_stake DESC, l.channel
