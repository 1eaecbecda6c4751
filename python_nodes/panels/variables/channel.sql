-- title: Channel
SELECT DISTINCT l.channel AS __text, l.channel AS __value FROM listings l JOIN units u ON u.id = l.unit_id
JOIN properties p ON p.id = u.property_id
WHERE (CAST(:market AS text[]) IS NULL OR p.market = ANY(CAST(:market AS text[]))) ORDER BY 1
