-- title: Refused records a day
-- unit: records
-- description: Records by the day on which they were refused, with those of them that were read again since.
-- shape: stack
WITH days AS (
  SELECT (rejected_at AT TIME ZONE 'UTC')::date AS day, count(*) FILTER (WHERE replayed_at IS NULL) AS waiting,
    count(replayed_at) AS replayed
  FROM rejected WHERE rejected_at >= {{from_start}} AND rejected_at < {{after_end}} GROUP BY 1
)
SELECT d.day AT TIME ZONE 'UTC' AS time, coalesce(x.waiting, 0)::int AS waiting, coalesce(x.replayed, 0)::int AS replayed
FROM {{every_day}}
LEFT JOIN days x ON x.day = d.day::date ORDER BY d.day
