edge AS MATERIALIZED (
  SELECT greatest(CAST(:start AS date), coalesce((SELECT max(day) FROM portfolio_days) + 1, CAST(:start AS date))) AS day
), kept AS (
  SELECT k.* FROM portfolio_days k
  WHERE k.channel <> '' AND k.day BETWEEN CAST(:start AS date) AND CAST(:end AS date)
    AND (CAST(:market AS text[]) IS NULL OR k.market = ANY(CAST(:market AS text[])))
    AND (CAST(:channel AS text[]) IS NULL OR k.channel = ANY(CAST(:channel AS text[])))
)
