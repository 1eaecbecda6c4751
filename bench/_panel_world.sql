-- Rows of every table that a panel reads; :at is the last day's noon.
INSERT INTO listing_health (listing_id, source, status, changed_at, observed_at, detail)
  SELECT id, 'booking_com', 'bookable', :at - interval '90 days', :at, '' FROM listings;
INSERT INTO connections (vendor, name, base_url, settings, credentials, is_active)
  SELECT one, initcap(replace(one, '_', ' ')), 'http://127.0.0.1:1', '{}', '\x00', true
  FROM unnest(ARRAY['booking_com', 'expedia_group', 'airbnb', 'operator_file']) AS one;
INSERT INTO poll_runs (connection_id, operation, as_of_at, finished_at, fetched, stored, unchanged, rejected, error)
  SELECT c.id, o.name, d.at, d.at + interval '20 seconds', 400, 120, 270, CASE WHEN random() < 0.1 THEN 10 ELSE 0 END,
    CASE WHEN random() < 0.03 THEN 'status 503' END
  FROM connections c, unnest(ARRAY['reservations', 'ari', 'health', 'performance']) AS o (name),
    generate_series(CAST(:at AS timestamptz) - make_interval(days => :days), :at, interval '6 hours') AS d (at);
INSERT INTO rejected (connection_id, source, operation, reason, field, raw, rejected_at, replayed_at, raw_sha256)
  SELECT c.id, c.vendor, 'reservations', (ARRAY['unknown currency', 'unknown listing', 'future booking date'])[1 + n % 3],
    'currency', '\x00', :at - make_interval(days => n % 30), CASE WHEN n % 4 = 0 THEN CAST(:at AS timestamptz) END,
    decode(md5(c.id || '-' || n), 'hex')
  FROM connections c, generate_series(1, 40) AS n;
INSERT INTO bookings (source, external_id, source_version, source_updated_at, listing_id, check_in_date, check_out_date,
    booked_at, cancelled_at, total_amount_minor, currency, status, channel, guest_name)
  SELECT 'booking_com', l.id || '-' || d.n, 1, b.at, l.id, b.at::date + 20, b.at::date + 23, b.at,
    CASE WHEN d.n % 9 = 0 THEN b.at + interval '2 days' END, 20000 + drawn.one % 40000, 'EUR',
    CASE WHEN d.n % 9 = 0 THEN 'cancelled' ELSE 'confirmed' END, l.channel, 'A Guest'
  FROM listings l CROSS JOIN generate_series(0, (:days * 0.4)::int) AS d (n)
  -- Drawn by name: the same for each tenant, in whatever order the planner joins.
  CROSS JOIN LATERAL (SELECT hashtextextended(l.external_id || ' ' || d.n, 1) & 1073741823 AS one) drawn
  CROSS JOIN LATERAL (SELECT :at - make_interval(hours => d.n * 60, mins => (drawn.one % 720)::int) AS at) b;
INSERT INTO ari_current (listing_id, rate_plan_external_id, stay_date, observed_at, price_minor, currency, is_open,
    units_left, min_stay_nights, fees_minor, source)
  SELECT l.id, r.external_id, CAST(:last AS date) + n, :at, (9000 + 9000 * random())::bigint, 'EUR', random() > 0.05,
    (random() * 1.4)::int, 1 + n % 3, 0, 'booking_com'
  FROM listings l JOIN rate_plans r ON r.id = l.rate_plan_id, generate_series(0, 120) AS n;
INSERT INTO ari_polls (listing_id, observed_at) SELECT id, :at - interval '3 hours' FROM listings;
INSERT INTO operator_nights (unit_id, stay_date, is_open, units)
  SELECT u.id, CAST(:last AS date) + n, random() > 0.03, u.unit_count FROM units u, generate_series(0, 89) AS n;
INSERT INTO listing_changes (change_sha256, changed_at, source, channel, listing_id, property_id, field, old_value,
    new_value, actor)
  SELECT decode(md5(l.id || '-' || n), 'hex'), :at - make_interval(days => 1 + 7 * n), 'import:log', l.channel,
    CASE WHEN n % 3 > 0 THEN l.id END, CASE WHEN n % 3 = 0 THEN u.property_id END,
    (ARRAY['base_price', 'min_stay', 'cancellation_policy'])[1 + n % 3], '120', '130', 'revenue team'
  FROM listings l JOIN units u ON u.id = l.unit_id, generate_series(0, 5) AS n;
INSERT INTO profiles (kind, key, version, made_at, as_of_date, payload)
  SELECT 'peers', l.id::text, 1, :at, :last, jsonb_build_object('peers', (
    SELECT jsonb_agg(jsonb_build_object('listing_id', o.id, 'listing', o.external_id, 'weight', 0.1)) FROM listings o
    WHERE o.id <> l.id AND o.id % 97 = l.id % 97 AND o.channel = l.channel)) FROM listings l
  WHERE EXISTS (SELECT 1 FROM listings o WHERE o.id <> l.id AND o.id % 97 = l.id % 97 AND o.channel = l.channel);
INSERT INTO alerts (fingerprint, scope, listing_id, property_id, market, metric, kind, cause, title, category, score,
    currency, impact_minor, loss_per_day_minor, lost_so_far_minor, onset_date, raised_at, updated_at, resolved_at,
    evidence, parts)
  SELECT 'alert-' || n, CASE WHEN n % 10 = 0 THEN 'property' ELSE 'listing' END, CASE WHEN n % 10 > 0 THEN l.id END,
    l.property_id, l.market, 'availability', 'not_bookable',
    (ARRAY['calendar_closed', 'rate_missing', 'rank_drop', 'unknown'])[1 + n % 4], 'Alert ' || n || ' of ' || l.title,
    (ARRAY['critical', 'high', 'medium', 'low'])[1 + n % 4], 40 + n % 50, 'EUR', 90000 + n * 100, 9000 + n, 4000 + n,
    CAST(:last AS date) - n % 80, :at - make_interval(days => n % 80, hours => 3), :at,
    CASE WHEN n % 3 > 0 THEN :at - make_interval(days => n % 80) + random() * interval '60 hours' END,
    jsonb_build_object('listing_ids', jsonb_build_array(l.id)), '{}'
  FROM (SELECT o.*, u.property_id, p.market, row_number() OVER (ORDER BY o.id) AS place FROM listings o
    JOIN units u ON u.id = o.unit_id JOIN properties p ON p.id = u.property_id) l
  JOIN generate_series(1, :alerts) AS n ON l.place = 1 + n % (SELECT count(*) FROM listings);
UPDATE alerts SET resolved_at = NULL WHERE resolved_at > :at;
INSERT INTO alert_events (alert_id, version, event, reason, at, changes)
  SELECT id, 1, 'raised', 'found', raised_at, '{}' FROM alerts;
INSERT INTO actions (alert_id, kind, actor, note, taken_at)
  SELECT id, (ARRAY['acknowledge', 'assign', 'snooze', 'note'])[1 + id % 4], 'ops', '',
    raised_at + (1 + id % 50) * interval '20 minutes'
  FROM alerts WHERE id % 5 > 0;
INSERT INTO verdicts (alert_id, is_real, verdict, cause, actor, given_at)
  SELECT id, id % 4 > 0, CASE WHEN id % 4 > 0 THEN 'real' ELSE 'false_alarm' END, cause, 'ops', resolved_at FROM alerts
  WHERE resolved_at IS NOT NULL AND id % 2 = 0;
INSERT INTO deliveries (alert_id, step, sender, recipient, status, reason, attempts, planned_at, finished_at)
  SELECT a.id, 'first', s.name, '#alerts', CASE WHEN a.id % 11 = 0 THEN 'failed' WHEN a.id % 7 = 0 THEN 'suppressed'
    ELSE 'sent' END, CASE WHEN a.id % 7 = 0 THEN 'below the sender''s severity' ELSE '' END, 1, a.raised_at,
    a.raised_at + (1 + a.id % 9) * interval '1 second'
  FROM alerts a, unnest(ARRAY['slack', 'email']) AS s (name);
INSERT INTO escalations (alert_id, escalation, chain, step, began_at, step_at, due_at, waited_s, told, repeats, held,
    is_parked, ended_at, ended_because)
  SELECT id, 'unanswered', 'on_call', 1 + id % 2, raised_at, raised_at, :at + interval '1 hour', 0, 1, '{}', '{}', false,
    resolved_at, CASE WHEN resolved_at IS NOT NULL THEN 'resolved' END FROM alerts WHERE id % 6 = 0;
INSERT INTO decisions (fingerprint, stage, decision, kind, why, first_at, last_at, times)
  SELECT 'held-' || n, (ARRAY['mute', 'merge', 'hysteresis'])[1 + n % 3], 'held', 'not_bookable', 'maintenance',
    :at - make_interval(days => n % 30), :at - make_interval(days => n % 30), n FROM generate_series(1, 60) AS n;
INSERT INTO repairs (alert_id, cause, first_date, last_date, bookings, expected_bookings, low_minor, mid_minor,
    high_minor, measured_at)
  SELECT id, cause, onset_date, onset_date + 7, 9, 4, 20000, 50000, 90000, resolved_at + interval '7 days' FROM alerts
  WHERE resolved_at IS NOT NULL AND id % 5 = 0;
INSERT INTO feed_marks (listing_id, operation, mark, day_date, value, observed_at)
  SELECT id, 'performance', 'told_twice', CAST(:last AS date) - 1, '2', :at FROM listings WHERE id % 5 = 0;
INSERT INTO import_runs (source_name, file, content_sha256, reading_sha256, raw_id, as_of_at, report)
  SELECT 'ranks', 'ranks-' || n || '.csv', decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), n,
    :at - make_interval(days => n), '{"rows": 40, "stored": 38, "rejected": 2}' FROM generate_series(0, 9) AS n;
INSERT INTO flow_errors (workflow, node, message, execution_id, reported_at)
  SELECT 'poll-listings', 'Poll', 'status 503', n::text, :at - make_interval(days => n) FROM generate_series(0, 9) AS n;
INSERT INTO outbox (type, entity, version, payload, created_at, dispatched_at)
  SELECT 'alert.notify', n::text, 1, '{}', :at - make_interval(mins => n), CASE WHEN n % 5 > 0 THEN CAST(:at AS timestamptz)
    END FROM generate_series(1, 50) AS n;
INSERT INTO fx_rates (rate_date, currency, per_eur, source, as_of_at)
  SELECT CAST(:last AS date) - n, 'USD', 1.1, 'ecb', :at FROM generate_series(1, 30) AS n;
INSERT INTO anomaly_runs (source_kind, as_of_at)
  SELECT k, :at - make_interval(days => n) FROM unnest(ARRAY['guards', 'watches']) AS k, generate_series(0, 30) AS n;
INSERT INTO jobs (job_id, kind, state, done, total, result, created_at, updated_at)
  SELECT 'job-' || n, (ARRAY['backfill', 'import', 'forecasts'])[1 + n % 3],
    CASE WHEN n % 7 = 0 THEN 'failed' ELSE 'done' END, 1, 1, '{}', :at - make_interval(hours => 5 * n),
    :at - make_interval(hours => 5 * n) + interval '2 minutes' FROM generate_series(0, 60) AS n;
