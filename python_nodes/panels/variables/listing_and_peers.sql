-- title: The listing and its peers
WITH {{peers}}
SELECT listing_id AS __value FROM peers UNION SELECT listing_id FROM me ORDER BY 1
