-- title: The listing
-- unit: money
-- description: Name, channel and market; its open alerts with what is at stake, in the tenant's currency; and what a day of it
--   is worth: the value of its bookings of the last 365 days, by 365, in its own currency.
-- shape: stat
-- columns: at_stake=money, a_day=money, worth_a_day=money, alerts=count
WITH {{own_alerts}}, standing AS (
  SELECT * FROM own a
  WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{after_end}})
), shares AS (
  SELECT s.impact_minor / {{scale s.currency}} / n.members AS at_stake,
    s.loss_per_day_minor / {{scale s.currency}} / n.members AS a_day
  FROM standing s CROSS JOIN LATERAL (SELECT CASE WHEN s.listing_id IS NULL
    THEN greatest(jsonb_array_length(s.evidence -> 'listing_ids'), 1) ELSE 1 END AS members) n
), worth AS (
  SELECT b.currency, sum(b.total_amount_minor / {{scale b.currency}}) / 365 AS a_day, count(*) AS bookings
  FROM bookings b WHERE b.listing_id = CAST(:listing_id AS bigint) AND b.status NOT IN ('cancelled', 'no_show')
    AND b.booked_at < {{after_end}} AND b.booked_at >= {{after_end}} - interval '365 days'
  GROUP BY b.currency ORDER BY count(*) DESC LIMIT 1
)
SELECT l.id AS listing_id, l.title, l.external_id, l.channel, u.name AS unit, u.unit_count::int AS rooms,
  p.name AS property, p.market, p.timezone, p.currency, h.status AS health,
  (SELECT count(*)::int FROM standing) AS alerts, (SELECT coalesce(sum(at_stake), 0) FROM shares) AS at_stake,
  (SELECT coalesce(sum(a_day), 0) FROM shares) AS a_day, (SELECT currency FROM tenants) AS alerts_currency,
  w.a_day AS worth_a_day, w.currency AS worth_currency
FROM listings l JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id
LEFT JOIN listing_health h ON h.listing_id = l.id LEFT JOIN worth w ON true
WHERE l.id = CAST(:listing_id AS bigint)
