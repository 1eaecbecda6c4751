-- title: Market
SELECT DISTINCT market AS __text, market AS __value FROM properties ORDER BY 1
