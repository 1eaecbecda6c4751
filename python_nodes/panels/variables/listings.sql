-- title: Every chosen listing
WITH {{chosen}}
SELECT listing_id AS __value FROM chosen ORDER BY 1
