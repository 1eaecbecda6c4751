chosen AS (
  SELECT l.id AS listing_id, l.external_id, l.title, l.channel, l.unit_id, u.unit_count, u.name AS unit,
    p.id AS property_id, p.name AS property, p.market, p.timezone, p.currency
  FROM listings l JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id
  WHERE (CAST(:market AS text[]) IS NULL OR p.market = ANY(CAST(:market AS text[])))
    AND (CAST(:channel AS text[]) IS NULL OR l.channel = ANY(CAST(:channel AS text[])))
)
