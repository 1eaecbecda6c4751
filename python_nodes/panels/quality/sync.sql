-- title: Sync
-- unit: operations
-- description: Operations of active connections whose latest attempt by the end of the range brought data, those that fail, and the
--   longest time that one of these has been without good data.
-- shape: stat
-- columns: worst_hours=hours
WITH {{fresh}}
SELECT count(*) FILTER (WHERE n.succeeded_at IS NOT DISTINCT FROM n.tried_at)::int AS fresh,
  count(*) FILTER (WHERE n.succeeded_at IS DISTINCT FROM n.tried_at)::int AS failing,
  coalesce(max(extract(epoch FROM n.tried_at - n.succeeded_at)::float8) / 3600, 0) AS worst_hours
FROM newest n JOIN connections c ON c.id = n.connection_id WHERE c.is_active
