-- title: Escalations
-- unit: escalations
-- description: Escalations that began in the range by chain and how far they went, with those that still run.
-- shape: table
WITH {{concerned}}
SELECT e.chain, e.escalation, count(*)::int AS begun, count(*) FILTER (WHERE e.ended_at IS NULL)::int AS running,
  max(e.step)::int AS furthest_step, sum(e.told)::int AS messages,
  mode() WITHIN GROUP (ORDER BY e.ended_because) AS ended_mostly_because
FROM escalations e JOIN concerned a ON a.id = e.alert_id
WHERE e.began_at >= {{from_start}} AND e.began_at < {{after_end}}
GROUP BY e.chain, e.escalation ORDER BY begun DESC, e.chain, e.escalation
