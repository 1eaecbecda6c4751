-- title: Refused records that wait
-- unit: records
-- description: Records that were refused in the range and have not been read again since, by source and reason.
-- shape: table
-- columns: last_at=moment
SELECT source, operation, reason, field, count(*)::int AS records, max(rejected_at) AS last_at FROM rejected
WHERE rejected_at >= {{from_start}} AND rejected_at < {{after_end}} AND replayed_at IS NULL
GROUP BY source, operation, reason, field ORDER BY records DESC, source, operation, reason LIMIT 100
