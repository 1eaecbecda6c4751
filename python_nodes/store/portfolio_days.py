"""What each day of a market and channel came to; made anew by a job, and read by the panels of the whole portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.store import copying

SUMS = ("bookings", "comparable", "expected", "half_square", "sold_rooms", "rooms", "revenue", "expected_revenue")
COLUMNS = ("day", "market", "channel", "currency", "listings", *SUMS)
_BOOKED = """
SELECT p.market, l.channel, b.currency, b.day, sum(b.amount)::float8 AS amount FROM listings l
JOIN units u ON u.id = l.unit_id JOIN properties p ON p.id = u.property_id CROSS JOIN LATERAL (
  SELECT k.currency, (k.booked_at AT TIME ZONE p.timezone)::date AS day, k.total_amount_minor AS amount FROM bookings k
  WHERE k.listing_id = l.id AND k.booked_at >= CAST(:start AS date) - interval '1 day'
    AND k.booked_at < CAST(:end AS date) + interval '2 days' OFFSET 0) b
WHERE b.day BETWEEN CAST(:start AS date) AND CAST(:end AS date) GROUP BY 1, 2, 3, 4
"""
_WORTH = """
SELECT DISTINCT ON (listing_id) listing_id, currency, avg(total_amount_minor)::float8 AS each FROM bookings
WHERE booked_at >= CAST(:start AS date) AND booked_at < CAST(:end AS date) + interval '1 day'
GROUP BY listing_id, currency ORDER BY listing_id, count(*) DESC, currency
"""


def last_day(conn: Connection) -> date | None:
    """Return the last day that is kept."""
    last: date | None = conn.execute(text("SELECT max(day) FROM portfolio_days")).scalar_one()
    return last


def replace(conn: Connection, start: date, end: date, columns: Mapping[str, NDArray[Any]]) -> int:
    """Put rows in the place of those from ``start`` to ``end``; a sum of nothing is NaN."""
    conn.execute(text("DELETE FROM portfolio_days WHERE day BETWEEN :start AND :end"), {"start": start, "end": end})
    # A text that is empty is no text on its way; here it stands for all channels.
    copying.stage(conn, "staged_portfolio_days", {name: columns[name] for name in COLUMNS})
    named = ", ".join(COLUMNS)
    told = named.replace("channel", "coalesce(channel, '')").replace("currency", "coalesce(currency, '')")
    return conn.execute(
        text(f"INSERT INTO portfolio_days ({named}) SELECT {told} FROM pg_temp.staged_portfolio_days")
    ).rowcount


def booked(conn: Connection, start: date, end: date) -> list[tuple[str, str, str, date, float]]:
    """Return what was booked: market, channel, currency, the property's own day, amount in minor units."""
    return [tuple(row) for row in conn.execute(text(_BOOKED), {"start": start, "end": end})]


def worth(conn: Connection, start: date, end: date) -> dict[int, tuple[str, float]]:
    """Return by listing what one of its bookings was worth, in minor units of the currency that most are in."""
    rows = conn.execute(text(_WORTH), {"start": start, "end": end})
    return {int(row[0]): (str(row[1]), float(row[2])) for row in rows}
