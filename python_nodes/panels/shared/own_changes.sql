me AS (
  SELECT l.id AS listing_id, l.channel, u.property_id FROM listings l JOIN units u ON u.id = l.unit_id
  WHERE l.id = CAST(:listing_id AS bigint)
), own AS (
  SELECT c.* FROM me JOIN listing_changes c ON c.listing_id = me.listing_id
  WHERE c.changed_at >= {{from_start}} AND c.changed_at < {{after_end}}
  UNION ALL
  SELECT c.* FROM me JOIN listing_changes c ON c.listing_id IS NULL AND c.property_id = me.property_id
    AND c.channel = me.channel
  WHERE c.changed_at >= {{from_start}} AND c.changed_at < {{after_end}}
)
