runs AS (
  SELECT connection_id, operation, as_of_at, coalesce(error, 'all that came was rejected') AS reason,
    error IS NULL AND (rejected = 0 OR rejected < fetched) AS is_good
  FROM poll_runs WHERE finished_at IS NOT NULL AND as_of_at < {{after_end}}
    AND as_of_at >= CAST(:end AS date)::timestamp AT TIME ZONE 'UTC' - interval '35 days'
), newest AS (
  SELECT connection_id, operation, max(as_of_at) FILTER (WHERE is_good) AS succeeded_at, max(as_of_at) AS tried_at,
    (array_agg(reason ORDER BY as_of_at DESC) FILTER (WHERE NOT is_good))[1] AS reason
  FROM runs GROUP BY 1, 2
)
