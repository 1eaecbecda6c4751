-- title: What people did
-- unit: answers
-- description: Answers to alerts in the range by what they were: acknowledged, assigned, snoozed, resolved, judged, noted.
-- shape: split
WITH {{concerned}}
SELECT x.kind, count(*)::int AS answers, count(DISTINCT x.alert_id)::int AS alerts, count(DISTINCT x.actor)::int AS people
FROM actions x WHERE x.taken_at >= {{from_start}} AND x.taken_at < {{after_end}}
  AND x.alert_id IN (SELECT id FROM concerned)
GROUP BY x.kind ORDER BY answers DESC, x.kind
