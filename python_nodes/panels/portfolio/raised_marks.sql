-- title: Critical and high alerts
-- unit: alerts
-- description: Critical and high alerts about the chosen listings, at the moment at which they were raised.
-- shape: marks
-- links: alert_id=alert
WITH {{chosen}}
SELECT {{mark}}
FROM alerts a
WHERE a.raised_at >= {{from_start}} AND a.raised_at < {{after_end}} AND a.category IN ('critical', 'high')
  AND (a.listing_id IN (SELECT listing_id FROM chosen) OR (a.listing_id IS NULL AND (
    a.property_id IN (SELECT property_id FROM chosen) OR a.market IN (SELECT market FROM chosen))))
ORDER BY a.impact_minor DESC LIMIT 100
