-- title: Its alerts
-- unit: money
-- description: Alerts about this listing, alone or with others, that stood in the range, newest first; money in the tenant's
--   currency and of the whole alert.
-- shape: table
-- columns: at_stake=money, lost_so_far=money, raised_at=moment, resolved_at=moment
-- links: alert_id=alert
WITH {{own_alerts}}
SELECT a.id AS alert_id, a.category AS severity, a.title, a.scope, replace(a.cause, '_', ' ') AS cause, a.metric,
  a.onset_date, a.raised_at, a.resolved_at, a.impact_minor / {{scale a.currency}} AS at_stake,
  a.lost_so_far_minor / {{scale a.currency}} AS lost_so_far, a.currency
FROM own a WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{from_start}})
ORDER BY a.raised_at DESC, a.id DESC LIMIT 200
