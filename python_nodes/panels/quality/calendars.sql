-- title: Nights that are known
-- unit: share
-- description: By channel, the share of the next 90 nights from the end of the range on that the channel has told of, and of those
--   that are open, the share that shows a price.
-- shape: split
-- columns: known=share, priced=share
WITH {{chosen}}, listed AS (
  SELECT channel, count(*) AS listings FROM chosen GROUP BY channel
), told AS (
  SELECT a.listing_id, a.rate_plan_external_id, count(*) AS known,
    count(*) FILTER (WHERE a.is_open AND a.units_left > 0) AS open,
    count(a.price_minor) FILTER (WHERE a.is_open AND a.units_left > 0) AS priced
  FROM ari_current a WHERE a.stay_date BETWEEN CAST(:end AS date) AND CAST(:end AS date) + 89
  GROUP BY a.listing_id, a.rate_plan_external_id
), nights AS (
  SELECT c.channel, sum(t.known) AS known, sum(t.open) AS open, sum(t.priced) AS priced
  FROM chosen c JOIN listings l ON l.id = c.listing_id JOIN rate_plans r ON r.id = l.rate_plan_id
  JOIN told t ON t.listing_id = c.listing_id AND t.rate_plan_external_id = r.external_id GROUP BY c.channel
)
SELECT l.channel, l.listings::int AS listings, coalesce(n.known, 0)::float8 / (90 * l.listings) AS known,
  n.priced::float8 / nullif(n.open, 0) AS priced
FROM listed l LEFT JOIN nights n ON n.channel = l.channel ORDER BY l.channel
