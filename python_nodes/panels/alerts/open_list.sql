-- title: Open alerts, most at stake first
-- unit: money
-- description: The alerts that stand at the end of the range, in the tenant's currency; the number leads to the alert, the listing
--   to its dashboard.
-- shape: table
-- columns: at_stake=money, a_day=money, raised_at=moment, taken_at=moment
-- links: alert_id=alert, listing_id=listing
WITH {{concerned}}
SELECT a.id AS alert_id, a.category AS severity, a.title, a.scope, a.listing_id, a.market, replace(a.cause, '_', ' ') AS cause,
  a.onset_date, a.raised_at, t.taken_at, a.impact_minor / {{scale a.currency}} AS at_stake,
  a.loss_per_day_minor / {{scale a.currency}} AS a_day, a.currency
FROM concerned a LEFT JOIN taken t ON t.alert_id = a.id
WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{after_end}})
ORDER BY a.impact_minor DESC, a.id LIMIT 200
