"""What bookings tell of nights: lead times and stays, the shape of demand, and the nights that are sold out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import IntArray
from python_nodes.store import copying

_STAYS = """
WITH place AS MATERIALIZED (
  SELECT l.id, p.timezone FROM listings l
  JOIN units u ON u.tenant_id = l.tenant_id AND u.id = l.unit_id
  JOIN properties p ON p.tenant_id = u.tenant_id AND p.id = u.property_id
  WHERE l.id = ANY(%s)
)
SELECT place.id, (b.check_in_date - (b.booked_at AT TIME ZONE place.timezone)::date)::bigint,
  (b.check_out_date - b.check_in_date)::bigint
FROM place CROSS JOIN LATERAL (
  SELECT * FROM bookings k WHERE k.listing_id = place.id AND k.booked_at >= %s AND k.booked_at < %s OFFSET 0
) b
"""

_SOLD = """
SELECT u.id, night::date, (count(*) >= u.unit_count)
FROM units u JOIN listings l ON l.tenant_id = u.tenant_id AND l.unit_id = u.id
CROSS JOIN LATERAL (
  SELECT * FROM bookings k WHERE k.listing_id = l.id AND k.status NOT IN ('cancelled', 'no_show')
    AND k.check_out_date > %s AND k.check_in_date <= %s OFFSET 0
) b
CROSS JOIN LATERAL generate_series(
  greatest(b.check_in_date, %s)::timestamp, least(b.check_out_date - 1, %s)::timestamp, interval '1 day') night
WHERE u.id = ANY(%s) GROUP BY u.id, u.unit_count, night
"""

_BOOKED = """
SELECT l.id, night::date, count(*), max(b.booked_at)
FROM listings l JOIN ari_polls p ON p.tenant_id = l.tenant_id AND p.listing_id = l.id
JOIN listings m ON m.tenant_id = l.tenant_id AND m.unit_id = l.unit_id
CROSS JOIN LATERAL (
  SELECT * FROM bookings k WHERE k.listing_id = m.id AND k.status NOT IN ('cancelled', 'no_show')
    AND k.check_out_date > %s AND k.check_in_date <= %s AND k.booked_at <= p.observed_at - %s OFFSET 0
) b
CROSS JOIN LATERAL generate_series(
  greatest(b.check_in_date, %s)::timestamp, least(b.check_out_date - 1, %s)::timestamp, interval '1 day') night
WHERE l.id = ANY(%s) GROUP BY l.id, night
"""
_MOVED = """
SELECT listing_id, stay_date, max(observed_at) FROM ari_current
WHERE listing_id = ANY(%s) AND stay_date BETWEEN %s AND %s GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """One entry a booking, shape (n_bookings,); ``listing_row`` points into the ids that were asked for."""

    listing_row: IntArray
    lead_days: IntArray
    stay_nights: IntArray


def booked_between(conn: Connection, listing_ids: Sequence[int] | IntArray, start: date, end: date) -> Stays:
    """Return the stays booked from ``start`` until before ``end``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    kinds = {"listing_id": "i8", "lead_days": "i8", "stay_nights": "i8"}
    rows = copying.fetch(conn, _STAYS, (wanted.tolist(), start, end), kinds)
    order = np.argsort(wanted)
    place = (
        order[np.searchsorted(wanted, rows["listing_id"], sorter=order)]
        if len(rows["listing_id"])
        else rows["listing_id"]
    )
    return Stays(
        listing_row=np.asarray(place, dtype=np.int64),
        lead_days=np.asarray(rows["lead_days"], dtype=np.int64),
        stay_nights=np.asarray(rows["stay_nights"], dtype=np.int64),
    )


def sold_out(conn: Connection, unit_ids: IntArray, first: date, last: date) -> BoolArray:
    """Tell on which nights the known bookings of all channels take every like unit, (n_units, n_nights).

    ``unit_ids`` ascend; both nights are included.
    """
    kinds = {"unit_id": "i8", "night": "D", "is_sold": "?"}
    rows = copying.fetch(conn, _SOLD, (first, last, first, last, unit_ids.tolist()), kinds)
    sold = np.zeros((len(unit_ids), (last - first).days + 1), dtype=np.bool_)
    night = (rows["night"] - np.datetime64(first)).astype(np.int64)
    sold[np.searchsorted(unit_ids, rows["unit_id"]), night] = rows["is_sold"]
    return sold


def booked_units(
    conn: Connection, listing_ids: Sequence[int] | IntArray, first: date, last: date, grace: timedelta
) -> IntArray:
    """Count the like units that bookings of all channels take of each night, (n_listings, n_nights), both included.

    Only bookings that stood for ``grace`` when the listing's availability was last polled, so that it must know them;
    and 0 on nights that changed on the channel since the last of them: what it tells is news then, and ours may be old.
    """
    ids = np.asarray(listing_ids, dtype=np.int64)
    order = np.argsort(ids)
    shape = (len(ids), (last - first).days + 1)

    def cells(rows: NDArray[Any]) -> tuple[IntArray, IntArray]:
        at = order[np.searchsorted(ids, rows["listing_id"], sorter=order)] if len(rows) else np.empty(0, np.int64)
        return at, (rows["night"] - np.datetime64(first)).astype(np.int64)

    # Two plain reads: joined in one statement, the planner has no idea how many nights a stay has.
    kinds = {"listing_id": "i8", "night": "D", "taken": "i8", "booked_at": "us"}
    rows = copying.fetch(conn, _BOOKED, (first, last, grace, first, last, ids.tolist()), kinds)
    moved = copying.fetch(
        conn, _MOVED, (ids.tolist(), first, last), {"listing_id": "i8", "night": "D", "moved_at": "us"}
    )
    taken, booked_at = np.zeros(shape, dtype=np.int64), np.full(shape, np.datetime64("NaT", "us"))
    moved_at = np.full(shape, np.datetime64("NaT", "us"))
    taken[cells(rows)], booked_at[cells(rows)] = rows["taken"], rows["booked_at"]
    moved_at[cells(moved)] = moved["moved_at"]
    return np.asarray(np.where(booked_at > moved_at, taken, 0), dtype=np.int64)
