me AS (
  SELECT l.id AS listing_id, l.channel, p.id AS property_id, p.market, u.id AS unit_id
  FROM listings l JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id
  WHERE l.id = CAST(:listing_id AS bigint)
), own AS (
  SELECT a.* FROM alerts a JOIN me ON a.listing_id = me.listing_id OR (a.listing_id IS NULL
    AND (a.property_id = me.property_id OR a.market = me.market)
    AND (a.evidence -> 'listing_ids') @> to_jsonb(me.listing_id))
)
