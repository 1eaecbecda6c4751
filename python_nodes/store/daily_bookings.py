"""Bookings counted by listing and property-local booking date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.metrics import DayArray, IntArray
from python_nodes.store import wide_read
from python_nodes.store.local_time import local_days

_MADE = """
SELECT listing_id, booked_at, (check_out_date - check_in_date)::bigint, total_amount_minor, status = 'cancelled'
FROM bookings WHERE listing_id = ANY(%s)
  AND booked_at >= %s::date - interval '1 day' AND booked_at < %s::date + interval '2 days'
"""
_KINDS = {"listing_id": "i8", "booked_at": "us", "nights": "i8", "revenue_minor": "i8", "cancelled": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyBookings:
    """By listing and property-local booking date, shape (n_listings, n_days); revenue in the property's currency.

    ``bookings``, ``nights`` and ``revenue_minor`` count cancelled bookings too; ``cancelled`` says how many they are.
    """

    days: DayArray
    bookings: IntArray
    nights: IntArray
    revenue_minor: IntArray
    cancelled: IntArray


def daily_stats(
    conn: Connection, listing_ids: Sequence[int] | IntArray, timezones: Sequence[str], start: date, end: date
) -> DailyBookings:
    """Count bookings made from ``start`` to ``end``, both included; row ``i`` is ``listing_ids[i]``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    order = np.argsort(wanted)
    names = ("bookings", "nights", "revenue_minor", "cancelled")
    totals = {name: np.zeros(len(wanted) * len(days), dtype=np.int64) for name in names}
    for made in wide_read.parts(conn, _MADE, wanted, (start, end), _KINDS):
        row = order[np.searchsorted(wanted, made["listing_id"], sorter=order)] if len(made) else np.empty(0, np.int64)
        column = (local_days(made["booked_at"], row, timezones) - days[0]).astype(np.int64)
        inside = np.flatnonzero((column >= 0) & (column < len(days)))
        cell = row[inside] * len(days) + column[inside]
        for name in names:
            # Sums of whole numbers are exact in a float up to 2 ** 53.
            counted = np.ones(len(cell)) if name == "bookings" else made[name][inside].astype(np.float64)
            size = int(cell.max(initial=-1)) + 1
            totals[name][:size] += np.bincount(cell, counted).astype(np.int64)
    shape = (len(wanted), len(days))
    return DailyBookings(days=days, **{name: total.reshape(shape) for name, total in totals.items()})
