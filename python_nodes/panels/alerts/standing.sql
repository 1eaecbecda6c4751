-- title: Open alerts
-- unit: alerts
-- description: Alerts that stand at the end of the range, those that nobody has taken in hand, those whose message could not be
--   delivered, and escalations that still run.
-- shape: stat
WITH {{concerned}}, standing AS (
  SELECT a.id FROM concerned a
  WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{after_end}})
)
SELECT count(*)::int AS open, count(*) FILTER (WHERE t.alert_id IS NULL)::int AS unattended,
  count(*) FILTER (WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.alert_id = s.id AND d.status = 'failed'))::int
    AS undelivered,
  count(*) FILTER (WHERE EXISTS (SELECT 1 FROM escalations e WHERE e.alert_id = s.id AND e.ended_at IS NULL))::int
    AS escalating
FROM standing s LEFT JOIN taken t ON t.alert_id = s.id AND t.taken_at < {{after_end}}
