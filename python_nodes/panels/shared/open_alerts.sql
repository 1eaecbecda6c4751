standing AS (
  SELECT a.* FROM alerts a
  WHERE a.raised_at < {{after_end}} AND (a.resolved_at IS NULL OR a.resolved_at >= {{after_end}})
), about AS (
  SELECT a.id AS alert_id, of.listing_id FROM standing a CROSS JOIN LATERAL (
    SELECT a.listing_id WHERE a.listing_id IS NOT NULL
    UNION ALL SELECT one::bigint FROM jsonb_array_elements_text(
      CASE WHEN a.listing_id IS NULL THEN coalesce(a.evidence -> 'listing_ids', '[]') ELSE '[]' END) AS one) AS of
), parts AS (
  SELECT b.alert_id, b.listing_id, a.category, a.kind, a.currency,
    (a.impact_minor / {{scale a.currency}}) / b.members AS at_stake,
    (a.loss_per_day_minor / {{scale a.currency}}) / b.members AS a_day,
    (a.lost_so_far_minor / {{scale a.currency}}) / b.members AS lost_so_far
  FROM (SELECT alert_id, listing_id, count(*) OVER (PARTITION BY alert_id) AS members FROM about) b
  JOIN standing a ON a.id = b.alert_id
)
