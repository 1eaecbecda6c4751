-- title: What was changed
-- unit: changes
-- description: Lines of the change log about this listing, or about its whole property on its channel, newest first.
-- shape: table
-- columns: changed_at=moment
WITH {{own_changes}}
SELECT changed_at, CASE WHEN listing_id IS NULL THEN 'property' ELSE 'listing' END AS scope,
  replace(field, '_', ' ') AS field, old_value, new_value, actor, source
FROM own ORDER BY changed_at DESC, id DESC LIMIT 200
