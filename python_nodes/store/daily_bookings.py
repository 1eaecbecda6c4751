"""Bookings counted by listing and property-local booking date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.store import wide_read
from python_nodes.store.local_time import local_days

_MADE = """
SELECT listing_id, booked_at, (check_out_date - check_in_date)::bigint, total_amount_minor, status = 'cancelled'
FROM bookings WHERE listing_id = ANY(%s)
  AND booked_at >= %s::date - interval '1 day' AND booked_at < %s::date + interval '2 days'
"""
_KINDS = {"listing_id": "i8", "booked_at": "us", "nights": "i8", "total_minor": "i8", "is_cancelled": "?"}


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
    made = wide_read.fetch(conn, _MADE, (wanted.tolist(), start, end), _KINDS)
    order = np.argsort(wanted)
    row = order[np.searchsorted(wanted, made["listing_id"], sorter=order)] if len(made) else np.empty(0, np.int64)
    column = (local_days(made["booked_at"], row, timezones) - days[0]).astype(np.int64)
    inside = np.flatnonzero((column >= 0) & (column < len(days)))
    cell = row[inside] * len(days) + column[inside]

    def total(values: FloatArray | None) -> IntArray:
        # Sums of whole numbers are exact in a float up to 2 ** 53.
        found = np.bincount(cell, values, minlength=len(wanted) * len(days))
        return found.astype(np.int64).reshape(len(wanted), len(days))

    return DailyBookings(
        days=days,
        bookings=total(None),
        nights=total(made["nights"][inside].astype(np.float64)),
        revenue_minor=total(made["total_minor"][inside].astype(np.float64)),
        cancelled=total(made["is_cancelled"][inside].astype(np.float64)),
    )
