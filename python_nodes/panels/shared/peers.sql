me AS (
  SELECT l.id AS listing_id, l.channel, p.market FROM listings l
  JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id WHERE l.id = CAST(:listing_id AS bigint)
), told AS (
  SELECT payload FROM profiles WHERE kind = 'peers' AND key = CAST(CAST(:listing_id AS bigint) AS text)
  ORDER BY version DESC LIMIT 1
), peers AS (
  SELECT (one ->> 'listing_id')::bigint AS listing_id FROM told CROSS JOIN jsonb_array_elements(told.payload -> 'peers') one
  UNION
  (SELECT l.id FROM listings l JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id
    JOIN me ON me.market = p.market AND me.channel = l.channel AND me.listing_id <> l.id
    WHERE NOT EXISTS (SELECT 1 FROM told WHERE jsonb_array_length(told.payload -> 'peers') > 0)
    ORDER BY l.id LIMIT 20)
)
