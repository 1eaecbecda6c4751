-- title: Bookings a day
-- unit: bookings a day
-- description: Bookings made that day on the chosen listings, beside what was expected of them. Only listings that told
--   the day count, on both sides. The band takes listings to err apart from one another. A day that nobody told is a gap.
-- shape: band
-- series: listings
-- begin: kept
WITH {{chosen}}, {{kept}}, {{fresh_bookings}}, sums AS (
  SELECT day, sum(listings) AS listings, sum(bookings) AS observed, sum(expected) AS expected,
    sqrt(sum(half_square)) AS half
  FROM days GROUP BY day HAVING sum(listings) > 0
)
SELECT d.day AT TIME ZONE 'UTC' AS time, s.observed, s.expected, greatest(s.expected - s.half, 0) AS lower,
  s.expected + s.half AS upper, s.listings::int AS listings
FROM {{every_day}}
LEFT JOIN sums s ON s.day = d.day::date ORDER BY d.day
