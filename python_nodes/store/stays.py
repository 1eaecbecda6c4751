"""What bookings tell of nights: lead times and stays, the shape of demand, and the nights that are sold out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from python_nodes.domain.inputs import BoolArray
from python_nodes.domain.metrics import IntArray
from python_nodes.store import copying, wide_read
from python_nodes.store.local_time import local_days

_STAYS = """
SELECT listing_id, booked_at, check_in_date, check_out_date FROM bookings
WHERE listing_id = ANY(%s) AND booked_at >= %s AND booked_at < %s
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

_UNITS = """
SELECT l.id, l.unit_id, coalesce(p.observed_at, '-infinity') FROM listings l
LEFT JOIN ari_polls p ON p.tenant_id = l.tenant_id AND p.listing_id = l.id
WHERE l.unit_id IN (SELECT k.unit_id FROM listings k WHERE k.id = ANY(%s))
"""
_STANDING = """
SELECT listing_id, check_in_date, check_out_date, booked_at FROM bookings
WHERE listing_id = ANY(%s) AND status NOT IN ('cancelled', 'no_show') AND check_out_date > %s AND check_in_date <= %s
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


def booked_between(
    conn: Connection, listing_ids: Sequence[int] | IntArray, timezones: Sequence[str], start: date, end: date
) -> Stays:
    """Return the stays booked from ``start`` until before ``end``; a lead is counted from the local day of booking."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    kinds = {"listing_id": "i8", "booked_at": "us", "check_in": "D", "check_out": "D"}
    rows = wide_read.fetch(conn, _STAYS, wanted, (start, end), kinds)
    row = _rows_of(wanted, rows["listing_id"])
    return Stays(
        listing_row=row,
        lead_days=(rows["check_in"] - local_days(rows["booked_at"], row, timezones)).astype(np.int64),
        stay_nights=(rows["check_out"] - rows["check_in"]).astype(np.int64),
    )


def _rows_of(wanted: IntArray, listing_id: IntArray) -> IntArray:
    """Return where in ``wanted`` each id is."""
    if not len(listing_id):
        return np.empty(0, dtype=np.int64)
    order = np.argsort(wanted)
    return np.asarray(order[np.searchsorted(wanted, listing_id, sorter=order)], dtype=np.int64)


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
    shape = (len(ids), (last - first).days + 1)
    taken, booked_at = _taken(conn, ids, first, last, grace)
    moved = copying.fetch(
        conn, _MOVED, (ids.tolist(), first, last), {"listing_id": "i8", "night": "D", "moved_at": "us"}
    )
    moved_at = np.full(shape, np.datetime64("NaT", "us"))
    moved_at[_rows_of(ids, moved["listing_id"]), (moved["night"] - np.datetime64(first)).astype(np.int64)] = moved[
        "moved_at"
    ]
    return np.asarray(np.where(booked_at > moved_at, taken, 0), dtype=np.int64)


def _taken(
    conn: Connection, ids: IntArray, first: date, last: date, grace: timedelta
) -> tuple[IntArray, NDArray[np.datetime64]]:
    """Count the bookings that each listing must know of on each night, and tell when the last of them was made."""
    kinds = {"listing_id": "i8", "unit_id": "i8", "observed_at": "us"}
    known = copying.fetch(conn, _UNITS, (ids.tolist(),), kinds)
    standing = {"listing_id": "i8", "check_in": "D", "check_out": "D", "booked_at": "us"}
    rows = wide_read.fetch(conn, _STANDING, known["listing_id"], (first, last), standing)
    unit = known["unit_id"][_rows_of(known["listing_id"], rows["listing_id"])]
    # Each booking once for every listing of its unit that was asked for.
    asked = known[_rows_of(known["listing_id"], ids)]
    by_unit = np.argsort(asked["unit_id"], kind="stable")
    start, stop = (np.searchsorted(asked["unit_id"], unit, side, sorter=by_unit) for side in ("left", "right"))
    which = np.repeat(np.arange(len(rows)), stop - start)
    listing = by_unit[_counted(start, stop - start)]
    heard = rows["booked_at"][which] <= asked["observed_at"][listing] - np.timedelta64(grace)
    which, listing = which[heard], listing[heard]
    begin = np.maximum((rows["check_in"] - np.datetime64(first)).astype(np.int64), 0)[which]
    end = np.minimum((rows["check_out"] - np.datetime64(first)).astype(np.int64), (last - first).days + 1)[which]
    nights = np.maximum(end - begin, 0)
    n_nights = (last - first).days + 1
    cell = np.repeat(listing, nights) * n_nights + _counted(begin, nights)
    size = len(ids) * n_nights
    made = np.full(size, np.iinfo(np.int64).min)
    np.maximum.at(made, cell, np.repeat(rows["booked_at"][which].astype(np.int64), nights))
    # The least integer is NaT.
    booked_at = made.view("datetime64[us]").reshape(len(ids), n_nights)
    return np.bincount(cell, minlength=size).reshape(len(ids), n_nights), booked_at


def _counted(start: IntArray, size: IntArray) -> IntArray:
    """Return ``start, start + 1, …`` of each stretch, ``size`` of them, one after the other."""
    within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
    return np.asarray(np.repeat(start, size) + within, dtype=np.int64)
