chosen AS (
  SELECT l.id AS listing_id, p.id AS property_id, p.market
  FROM listings l JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id
  WHERE (CAST(:market AS text[]) IS NULL OR p.market = ANY(CAST(:market AS text[])))
    AND (CAST(:channel AS text[]) IS NULL OR l.channel = ANY(CAST(:channel AS text[])))
), concerned AS (
  SELECT a.* FROM alerts a WHERE a.listing_id IN (SELECT listing_id FROM chosen)
    OR (a.listing_id IS NULL AND (a.property_id IN (SELECT property_id FROM chosen)
      OR a.market IN (SELECT market FROM chosen)))
), taken AS (
  SELECT alert_id, min(taken_at) AS taken_at FROM actions
  WHERE kind IN ('acknowledge', 'assign', 'resolve', 'verdict') GROUP BY alert_id
)
