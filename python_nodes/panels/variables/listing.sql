-- title: Listing
WITH {{chosen}}
SELECT title || ' (' || replace(channel, '_', ' ') || ', ' || external_id || ')' AS __text, listing_id::text AS __value
FROM chosen ORDER BY 1
