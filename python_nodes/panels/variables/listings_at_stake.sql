-- title: The chosen listings with most at stake
WITH {{chosen}}, {{open_alerts}}
SELECT p.listing_id AS __value FROM parts p JOIN chosen c ON c.listing_id = p.listing_id
GROUP BY p.listing_id ORDER BY sum(p.at_stake) DESC, p.listing_id LIMIT 20
