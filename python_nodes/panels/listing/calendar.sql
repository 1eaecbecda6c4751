-- title: Availability and price of the next 90 nights
-- unit: price
-- description: Each of the 90 nights from the end of the range on, as the channel last showed it: open, sold out or closed, what
--   a night costs in the listing's currency, and the shortest stay. A night that was never told is left out.
-- shape: heat
-- shown: night, price, state
-- columns: price=price, min_stay_nights=nights, units_left=count, observed_at=moment
SELECT a.stay_date::timestamp AT TIME ZONE 'UTC' AS time,
  to_char(a.stay_date, 'YYYY-MM-DD') AS night,
  CASE WHEN NOT a.is_open THEN 'closed' WHEN a.units_left <= 0 THEN 'sold out' ELSE 'open' END AS state,
  a.price_minor / {{scale a.currency}} AS price, a.currency, a.units_left::int AS units_left,
  a.min_stay_nights::int AS min_stay_nights, o.is_open AS operator_open, a.observed_at
FROM ari_current a JOIN listings l ON l.id = a.listing_id
JOIN rate_plans r ON r.id = l.rate_plan_id AND r.external_id = a.rate_plan_external_id
LEFT JOIN operator_nights o ON o.unit_id = l.unit_id AND o.stay_date = a.stay_date
WHERE a.listing_id = CAST(:listing_id AS bigint)
  AND a.stay_date BETWEEN CAST(:end AS date) AND CAST(:end AS date) + 89
ORDER BY a.stay_date
