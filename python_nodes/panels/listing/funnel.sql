-- title: Funnel
-- unit: of each stage
-- description: Appearances in search, page views and bookings in the range, beside the range of the same length before it; each
--   stage as a share of the one above.
-- shape: split
-- back: range
-- columns: share=share, share_before=share, change=share
WITH told AS (
  SELECT DISTINCT ON (m.day_date) m.day_date >= CAST(:start AS date) AS is_now, m.search_impressions AS impressions,
    m.listing_views AS views, m.booking_velocity AS bookings
  FROM metrics_daily m
  WHERE m.listing_id = CAST(:listing_id AS bigint) AND m.search_impressions IS NOT NULL
    AND m.day_date BETWEEN CAST(:start AS date) - (CAST(:end AS date) - CAST(:start AS date) + 1) AND CAST(:end AS date)
  ORDER BY m.day_date, m.as_of_at DESC, m.source DESC
), stages AS (
  SELECT s.place, s.stage, sum(s.value) FILTER (WHERE t.is_now) AS now, sum(s.value) FILTER (WHERE NOT t.is_now) AS before
  FROM told t CROSS JOIN LATERAL (VALUES (1, 'Search impressions', t.impressions), (2, 'Page views', t.views),
    (3, 'Bookings', t.bookings)) AS s (place, stage, value)
  GROUP BY s.place, s.stage
)
SELECT stage, now, before, now / nullif(lag(now) OVER (ORDER BY place), 0) AS share,
  before / nullif(lag(before) OVER (ORDER BY place), 0) AS share_before, now / nullif(before, 0) - 1 AS change
FROM stages ORDER BY place
