-- title: Calendars and polls by channel
-- unit: hours
-- description: By channel, when availability and prices were last seen up to the end of the range, how many listings were not seen
--   within a day of that, and how many never.
-- shape: split
-- columns: last_seen_at=moment, stale=count, never=count
WITH {{chosen}}, seen AS (
  SELECT c.channel, c.listing_id, p.observed_at FROM chosen c
  LEFT JOIN ari_polls p ON p.listing_id = c.listing_id AND p.observed_at < {{after_end}}
), newest AS (SELECT channel, max(observed_at) AS last_seen_at FROM seen GROUP BY channel)
SELECT n.channel, count(*)::int AS listings, n.last_seen_at,
  count(*) FILTER (WHERE s.observed_at < n.last_seen_at - interval '1 day')::int AS stale,
  count(*) FILTER (WHERE s.observed_at IS NULL)::int AS never
FROM newest n JOIN seen s ON s.channel = n.channel GROUP BY n.channel, n.last_seen_at ORDER BY n.channel
