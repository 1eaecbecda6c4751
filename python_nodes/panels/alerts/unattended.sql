-- title: Waiting for somebody
-- unit: alerts
-- description: Open alerts that nobody has taken in hand at the end of the range, by severity, and since when the oldest waits.
-- shape: split
-- columns: oldest_at=moment, at_stake=money
WITH {{concerned}}, waiting AS (
  SELECT a.* FROM concerned a LEFT JOIN taken t ON t.alert_id = a.id AND t.taken_at < {{after_end}}
  WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{after_end}})
    AND t.alert_id IS NULL
)
SELECT s.category, count(w.id)::int AS alerts,
  min(w.raised_at) AS oldest_at,
  coalesce(sum(w.impact_minor / {{scale w.currency}}), 0) AS at_stake
FROM unnest(ARRAY['critical', 'high', 'medium', 'low']) WITH ORDINALITY AS s (category, place)
LEFT JOIN waiting w ON w.category = s.category GROUP BY s.category, s.place ORDER BY s.place
