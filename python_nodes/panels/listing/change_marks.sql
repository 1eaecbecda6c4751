-- title: Changes
-- unit: changes
-- description: What was changed on the listing or its property, at the moment of the change.
-- shape: marks
WITH {{own_changes}}
SELECT changed_at AS time, replace(field, '_', ' ') AS title, old_value || ' → ' || new_value || ', ' || actor AS text,
  'change' AS tags
FROM own ORDER BY changed_at DESC LIMIT 100
