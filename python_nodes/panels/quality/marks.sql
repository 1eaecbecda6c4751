-- title: Oddities in feeds
-- unit: marks
-- description: What stands as odd about what feeds told of the chosen listings in the range: told twice, a foreign currency and the
--   like.
-- shape: table
-- columns: last_seen_at=moment
WITH {{chosen}}
SELECT m.operation, replace(m.mark, '_', ' ') AS mark, c.channel, count(*)::int AS marks,
  count(DISTINCT m.listing_id)::int AS listings, max(m.observed_at) AS last_seen_at
FROM feed_marks m JOIN chosen c ON c.listing_id = m.listing_id
WHERE m.observed_at >= {{from_start}} AND m.observed_at < {{after_end}}
GROUP BY m.operation, m.mark, c.channel ORDER BY marks DESC, m.operation, m.mark, c.channel
