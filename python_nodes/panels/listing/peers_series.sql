-- title: Bookings beside peers
-- unit: bookings in 7 days
-- description: Bookings of the seven days up to each day, beside the median of the listing's peers (others like it in volume,
--   price and market; where none were computed yet, up to twenty of its market on its channel).
-- shape: series
-- series: listing_and_peers
-- back: 6
WITH {{peers}}, everyone AS (
  SELECT listing_id FROM peers UNION SELECT listing_id FROM me
), days AS (
  SELECT d.day::date AS day FROM generate_series(CAST(:start AS date) - 6, CAST(:end AS date), interval '1 day') AS d (day)
), told_days AS (
  SELECT e.listing_id, t.day, t.value FROM everyone e CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.day_date) m.day_date AS day, m.booking_velocity AS value FROM metrics_daily m
    WHERE m.listing_id = e.listing_id AND m.day_date BETWEEN CAST(:start AS date) - 6 AND CAST(:end AS date)
      AND m.booking_velocity IS NOT NULL
    ORDER BY m.day_date, m.as_of_at DESC, m.source DESC) t
), weekly AS (
  SELECT e.listing_id, d.day, sum(t.value) OVER w AS value, count(t.value) OVER w AS told
  FROM everyone e CROSS JOIN days d LEFT JOIN told_days t ON t.listing_id = e.listing_id AND t.day = d.day
  WINDOW w AS (PARTITION BY e.listing_id ORDER BY d.day ROWS 6 PRECEDING)
)
SELECT w.day::timestamp AT TIME ZONE 'UTC' AS time, max(w.value) FILTER (WHERE w.listing_id = me.listing_id) AS observed,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY w.value) FILTER (WHERE w.listing_id <> me.listing_id) AS peers,
  percentile_cont(0.25) WITHIN GROUP (ORDER BY w.value) FILTER (WHERE w.listing_id <> me.listing_id) AS lower,
  percentile_cont(0.75) WITHIN GROUP (ORDER BY w.value) FILTER (WHERE w.listing_id <> me.listing_id) AS upper
FROM weekly w CROSS JOIN me WHERE w.told = 7 AND w.day >= CAST(:start AS date) GROUP BY w.day ORDER BY w.day
