-- title: Precision by kind
-- unit: share
-- description: Alerts raised in the range by what found them, how many people judged, and the share of those that was real.
-- shape: table
-- columns: precision=share
WITH {{concerned}}, last_word AS (
  SELECT DISTINCT ON (v.alert_id) v.alert_id, v.is_real FROM verdicts v ORDER BY v.alert_id, v.given_at DESC, v.id DESC
)
SELECT replace(a.kind, '_', ' ') AS kind, count(*)::int AS alerts, count(w.alert_id)::int AS judged,
  count(*) FILTER (WHERE w.is_real)::int AS real, avg(w.is_real::int)::float8 AS precision
FROM concerned a LEFT JOIN last_word w ON w.alert_id = a.id
WHERE a.raised_at >= {{from_start}} AND a.raised_at < {{after_end}} GROUP BY a.kind ORDER BY alerts DESC, a.kind
