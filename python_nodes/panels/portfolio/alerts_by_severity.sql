-- title: Open alerts by severity
-- unit: alerts
-- description: Alerts that stand at the end of the range, and what is at stake with them in the tenant's currency.
-- shape: split
-- columns: at_stake=money
WITH {{chosen}}, {{open_alerts}}
SELECT s.category, count(DISTINCT p.alert_id)::int AS alerts, coalesce(sum(p.at_stake), 0) AS at_stake
FROM unnest(ARRAY['critical', 'high', 'medium', 'low']) WITH ORDINALITY AS s (category, place)
LEFT JOIN (SELECT parts.* FROM parts JOIN chosen USING (listing_id)) p ON p.category = s.category
GROUP BY s.category, s.place ORDER BY s.place
