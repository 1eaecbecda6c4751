-- title: Polls a day
-- unit: polls
-- description: Polls by the day as of which they were made: those that brought data and those that failed.
-- shape: stack
WITH runs AS (
  SELECT (as_of_at AT TIME ZONE 'UTC')::date AS day, error IS NULL AND (rejected = 0 OR rejected < fetched) AS is_good
  FROM poll_runs WHERE finished_at IS NOT NULL AND as_of_at >= {{from_start}} AND as_of_at < {{after_end}}
)
SELECT d.day AT TIME ZONE 'UTC' AS time, count(*) FILTER (WHERE r.is_good)::int AS good,
  count(*) FILTER (WHERE NOT r.is_good)::int AS failed
FROM {{every_day}}
LEFT JOIN runs r ON r.day = d.day::date GROUP BY d.day ORDER BY d.day
