"""How long alerts took to be taken in hand and to end, by team, cause or channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, text

By = Literal["team", "cause", "channel"]
IN_HAND = ("acknowledge", "assign", "resolve", "verdict")
"""The first of these on an alert is the moment from which somebody has it in hand."""

_NAMED: dict[By, str] = {
    "cause": "SELECT id AS alert_id, cause AS name FROM seen",
    "channel": (
        "SELECT DISTINCT s.id AS alert_id, l.channel AS name FROM seen s CROSS JOIN LATERAL ("
        " SELECT s.listing_id AS listing_id WHERE s.listing_id IS NOT NULL UNION ALL"
        " SELECT one::bigint FROM jsonb_array_elements_text(CASE WHEN s.listing_id IS NULL"
        " THEN coalesce(s.evidence -> 'listing_ids', '[]') ELSE '[]' END) AS one) AS about"
        " JOIN listings l ON l.id = about.listing_id"
    ),
    "team": (
        "SELECT DISTINCT d.alert_id, t.name FROM deliveries d"
        " JOIN unnest(cast(:senders AS text[]), cast(:recipients AS text[]), cast(:teams AS text[]))"
        " AS t(sender, recipient, name) ON (t.sender, t.recipient) = (d.sender, d.recipient)"
        " JOIN seen ON seen.id = d.alert_id WHERE d.status = 'sent'"
    ),
}
_QUERY = """
WITH seen AS (
  SELECT a.*, (SELECT min(x.taken_at) FROM actions x WHERE x.alert_id = a.id AND x.kind = ANY(:in_hand)) AS taken_at
  FROM alerts a WHERE a.raised_at >= :since AND a.raised_at < :until
), named AS ({named}), spans AS (
  SELECT n.name, s.resolved_at, s.taken_at, extract(epoch FROM s.taken_at - s.raised_at)::float8 AS taken_s,
    extract(epoch FROM s.resolved_at - s.raised_at)::float8 AS resolved_s
  FROM named n JOIN seen s ON s.id = n.alert_id
)
SELECT name, count(*) AS alerts, count(*) FILTER (WHERE resolved_at IS NULL) AS open,
  count(*) FILTER (WHERE resolved_at IS NULL AND taken_at IS NULL) AS unattended,
  count(taken_s) AS taken, percentile_cont(0.5) WITHIN GROUP (ORDER BY taken_s) AS taken_median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY taken_s) AS taken_p90,
  count(resolved_s) AS resolved, percentile_cont(0.5) WITHIN GROUP (ORDER BY resolved_s) AS resolved_median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY resolved_s) AS resolved_p90
FROM spans GROUP BY name ORDER BY name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time that alerts took: of how many, and its median and 90th percentile in seconds; None of none."""

    count: int
    median_s: float | None
    p90_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """One group's times; ``open`` alerts have no time of resolution yet, and ``unattended`` nobody in hand."""

    name: str
    alerts: int
    open: int
    unattended: int
    acknowledged: Span
    resolved: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Which team a sender's recipient stands for."""

    sender: str
    recipient: str
    team: str


def by(conn: Connection, what: By, since: datetime, until: datetime, reached: Sequence[Reached]) -> list[Times]:
    """Return the times of alerts raised from ``since`` until before ``until``, in order of name.

    An alert that several teams were told of, or that is about several channels, counts for each of them.
    """
    told = {
        "since": since, "until": until, "in_hand": list(IN_HAND), "senders": [one.sender for one in reached],
        "recipients": [one.recipient for one in reached], "teams": [one.team for one in reached],
    }  # fmt: skip
    named = _NAMED[what]
    wanted = {name: value for name, value in told.items() if f":{name}" in _QUERY + named}
    return [
        Times(
            name=row.name, alerts=row.alerts, open=row.open, unattended=row.unattended,
            acknowledged=Span(count=row.taken, median_s=row.taken_median, p90_s=row.taken_p90),
            resolved=Span(count=row.resolved, median_s=row.resolved_median, p90_s=row.resolved_p90),
        )
        for row in conn.execute(text(_QUERY.format(named=named)), wanted)
    ]  # fmt: skip
