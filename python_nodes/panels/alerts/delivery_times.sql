-- title: From the plan to the message
-- unit: seconds
-- description: Messages planned in the range by sender: how many, how many failed, and the median and 95th percentile of the time
--   from the plan to the sender's receipt.
-- shape: table
-- columns: median_s=seconds, p95_s=seconds
WITH {{concerned}}
SELECT d.sender, count(*) FILTER (WHERE d.status = 'sent')::int AS sent,
  count(*) FILTER (WHERE d.status = 'failed')::int AS failed,
  count(*) FILTER (WHERE d.status = 'suppressed')::int AS held_back,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.finished_at - d.planned_at)::float8)
    FILTER (WHERE d.status = 'sent') AS median_s,
  percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.finished_at - d.planned_at)::float8)
    FILTER (WHERE d.status = 'sent') AS p95_s
FROM deliveries d WHERE d.planned_at >= {{from_start}} AND d.planned_at < {{after_end}}
  AND d.alert_id IN (SELECT id FROM concerned)
GROUP BY d.sender ORDER BY d.sender
