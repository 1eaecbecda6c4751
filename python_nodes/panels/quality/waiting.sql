-- title: What waits to be handed on
-- unit: entries
-- description: Entries of the outbox by type: those that still wait at this moment, and since when the oldest does.
-- shape: table
-- columns: oldest_at=moment
SELECT type, count(*) FILTER (WHERE dispatched_at IS NULL)::int AS waiting,
  min(created_at) FILTER (WHERE dispatched_at IS NULL) AS oldest_at,
  count(*) FILTER (WHERE dispatched_at >= {{from_start}})::int AS handed_on
FROM outbox WHERE dispatched_at IS NULL OR dispatched_at >= {{from_start}} GROUP BY type ORDER BY waiting DESC, type
