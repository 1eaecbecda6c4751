a.raised_at AS time, a.resolved_at AS timeend, a.id AS alert_id, a.title,
  a.category || ', ' || replace(a.cause, '_', ' ') || ', at stake ' ||
  round((a.impact_minor / {{scale a.currency}})::numeric)::text || ' ' || a.currency AS text, a.category AS tags
