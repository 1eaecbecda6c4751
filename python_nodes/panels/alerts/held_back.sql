-- title: Found and not told
-- unit: findings
-- description: Findings that were held back in the range, by the stage that held them and why.
-- shape: table
-- columns: last_at=moment
SELECT stage, replace(kind, '_', ' ') AS kind, why, count(*)::int AS findings, sum(times)::int AS times,
  max(last_at) AS last_at
FROM decisions WHERE last_at >= {{from_start}} AND last_at < {{after_end}}
GROUP BY stage, kind, why ORDER BY times DESC, stage, kind, why LIMIT 100
