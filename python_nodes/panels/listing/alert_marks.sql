-- title: Alerts
-- unit: alerts
-- description: Alerts about this listing, from the moment at which they were raised until they ended.
-- shape: marks
-- links: alert_id=alert
WITH {{own_alerts}}
SELECT {{mark}}
FROM own a WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{from_start}})
ORDER BY a.raised_at DESC LIMIT 100
