-- title: Sync freshness
-- unit: hours
-- description: When each connection's operations last brought data that could be used, and the age of that at its latest
--   attempt. An operation whose latest attempt failed says why; its last good data stand.
-- shape: table
-- columns: last_good_at=moment, last_tried_at=moment, behind_hours=hours
WITH {{fresh}}
SELECT c.name AS connection, c.vendor, n.operation, n.succeeded_at AS last_good_at, n.tried_at AS last_tried_at,
  extract(epoch FROM n.tried_at - n.succeeded_at)::float8 / 3600 AS behind_hours,
  CASE WHEN n.succeeded_at IS NOT DISTINCT FROM n.tried_at THEN 'fresh' WHEN n.succeeded_at IS NULL THEN 'never'
    ELSE 'failing' END AS state,
  CASE WHEN n.succeeded_at IS DISTINCT FROM n.tried_at THEN n.reason END AS reason
FROM newest n JOIN connections c ON c.id = n.connection_id
WHERE c.is_active ORDER BY (n.succeeded_at IS NOT DISTINCT FROM n.tried_at), c.name, n.operation
