-- title: Records a day
-- unit: records
-- description: Records that polls brought by day: stored as news, known already, and refused.
-- shape: stack
WITH runs AS (
  SELECT (as_of_at AT TIME ZONE 'UTC')::date AS day, sum(stored) AS stored, sum(unchanged) AS unchanged,
    sum(rejected) AS rejected
  FROM poll_runs WHERE finished_at IS NOT NULL AND as_of_at >= {{from_start}} AND as_of_at < {{after_end}} GROUP BY 1
)
SELECT d.day AT TIME ZONE 'UTC' AS time, r.stored::float8 AS stored, r.unchanged::float8 AS unchanged,
  r.rejected::float8 AS rejected
FROM {{every_day}}
LEFT JOIN runs r ON r.day = d.day::date ORDER BY d.day
