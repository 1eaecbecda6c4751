-- title: Its peers
-- unit: of the range
-- description: The listing (first) and its peers in the range: bookings, conversion, price and review score.
-- shape: table
-- series: listing_and_peers
-- columns: conversion=share, price=price
-- links: listing_id=listing
WITH {{peers}}, everyone AS (
  SELECT listing_id, false AS is_me FROM peers UNION SELECT listing_id, true FROM me
), told_days AS (
  SELECT e.listing_id, t.* FROM everyone e CROSS JOIN LATERAL (
    SELECT m.day_date, max(m.booking_velocity) AS bookings, max(m.listing_views) AS views,
      max(m.listed_price) AS price, max(m.review_score) AS score
    FROM metrics_daily m
    WHERE m.listing_id = e.listing_id AND m.day_date BETWEEN CAST(:start AS date) AND CAST(:end AS date)
    GROUP BY m.day_date) t
)
SELECT e.listing_id, l.title, l.channel, p.market, e.is_me, sum(t.bookings) AS bookings,
  sum(t.bookings) FILTER (WHERE t.views IS NOT NULL) / nullif(sum(t.views) FILTER (WHERE t.bookings IS NOT NULL), 0)
    AS conversion,
  avg(t.price) AS price, p.currency, (array_agg(t.score ORDER BY t.day_date DESC) FILTER (WHERE t.score IS NOT NULL))[1]
    AS review_score
FROM everyone e JOIN listings l ON l.id = e.listing_id JOIN units u ON u.id = l.unit_id
JOIN properties p ON p.id = u.property_id LEFT JOIN told_days t ON t.listing_id = e.listing_id
GROUP BY e.listing_id, l.title, l.channel, p.market, p.currency, e.is_me
ORDER BY e.is_me DESC, bookings DESC NULLS LAST, e.listing_id
