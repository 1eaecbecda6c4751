-- title: At stake now
-- unit: money
-- description: What the alerts that stand at the end of the range may still cost, what they cost a day and have cost so
--   far, in the tenant's currency. An alert about several listings counts with the share of those chosen.
-- shape: stat
-- columns: at_stake=money, a_day=money, lost_so_far=money, alerts=count, listings=count
WITH {{chosen}}, {{open_alerts}}
SELECT coalesce(sum(p.at_stake), 0) AS at_stake, coalesce(sum(p.a_day), 0) AS a_day,
  coalesce(sum(p.lost_so_far), 0) AS lost_so_far, count(DISTINCT p.alert_id)::int AS alerts,
  count(DISTINCT p.listing_id)::int AS listings, (SELECT currency FROM tenants) AS currency
FROM parts p JOIN chosen c ON c.listing_id = p.listing_id
