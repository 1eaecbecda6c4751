-- title: Imported files
-- unit: rows
-- description: Files that were imported in the range, newest first, and what came of their rows.
-- shape: table
-- columns: as_of_at=moment
SELECT as_of_at, source_name AS source, file, (report ->> 'rows')::int AS rows, (report ->> 'stored')::int AS stored,
  (report ->> 'rejected')::int AS rejected
FROM import_runs WHERE as_of_at >= {{from_start}} AND as_of_at < {{after_end}} ORDER BY as_of_at DESC, id DESC LIMIT 100
