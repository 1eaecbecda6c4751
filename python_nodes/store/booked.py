"""Bookings in columns as metrics are derived from them, and from when until when they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from python_nodes.domain.columns import BoolArray
from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.store import currency, wide_read
from python_nodes.store.local_time import local_days

_NEVER = np.datetime64("9999-12-31", "us")

_BOOKED = f"""
SELECT listing_id, booked_at, coalesce(cancelled_at, '{_NEVER}+00'), check_in_date, check_out_date,
  total_amount_minor::float8, {currency.number_sql("currency")}, status NOT IN ('cancelled', 'no_show')
FROM bookings WHERE listing_id = ANY(%s) AND booked_at < %s
  AND (booked_at >= %s::date - interval '1 day' OR cancelled_at >= %s::date - interval '1 day'
       OR (check_out_date >= %s::date AND check_in_date <= %s::date))
"""
_KINDS = {
    "listing_id": "i8", "booked_at": "us", "cancelled_at": "us", "check_in_day": "D", "check_out_day": "D",
    "total_minor": "f8", "currency": "i8", "is_kept": "?",
}  # fmt: skip

_READ = """
SELECT c.vendor, c.settings ->> 'channel' AS channel, max(r.as_of_at) AS read_at
FROM poll_runs r JOIN connections c ON c.tenant_id = r.tenant_id AND c.id = r.connection_id
WHERE r.operation IN ('reservations', 'reservation_history') AND r.finished_at IS NOT NULL AND r.error IS NULL
  AND r.as_of_at <= :as_of AND c.is_active
GROUP BY 1, 2
"""
# Both ends of each listing on the index; a look at all bookings costs more with every year.
_SPAN = """
SELECT l.channel, min(f.booked_at) AS first_at, max(x.booked_at) AS last_at
FROM listings l
CROSS JOIN LATERAL (SELECT b.booked_at FROM bookings b WHERE b.tenant_id = l.tenant_id AND b.listing_id = l.id
  AND b.booked_at <= :as_of ORDER BY b.booked_at LIMIT 1) f
CROSS JOIN LATERAL (SELECT b.booked_at FROM bookings b WHERE b.tenant_id = l.tenant_id AND b.listing_id = l.id
  AND b.booked_at <= :as_of ORDER BY b.booked_at DESC LIMIT 1) x
GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BookedRows:
    """One entry a booking; ``listing_row`` points into the ids that were asked for, NaT is not cancelled."""

    listing_row: IntArray
    booked_day: DayArray
    cancelled_day: DayArray
    check_in_day: DayArray
    stay_nights: IntArray
    total_minor: FloatArray
    currency: NDArray[np.str_]
    is_kept: BoolArray


def rows(
    conn: Connection, listing_ids: Sequence[int], timezones: Sequence[str], since: date, as_of: datetime,
    until: date = date.max,
) -> BookedRows:  # fmt: skip
    """Return the bookings made by ``as_of`` that were booked, cancelled or stayed on ``since`` or later.

    Of those that were neither booked nor cancelled since then, the ones that come after ``until`` are left out.
    """
    wanted = np.asarray(listing_ids, dtype=np.int64)
    found = wide_read.fetch(conn, _BOOKED, wanted, (as_of, since, since, since, until), _KINDS)
    order = np.argsort(wanted)
    place = np.searchsorted(wanted, found["listing_id"], sorter=order)
    listing_row = order[place] if len(found) else np.empty(0, dtype=np.int64)
    gone = np.where(found["cancelled_at"] == _NEVER, np.datetime64("NaT", "us"), found["cancelled_at"])
    return BookedRows(
        listing_row=listing_row,
        booked_day=local_days(found["booked_at"], listing_row, timezones),
        cancelled_day=local_days(gone, listing_row, timezones),
        check_in_day=found["check_in_day"],
        stay_nights=(found["check_out_day"] - found["check_in_day"]).astype(np.int64),
        total_minor=found["total_minor"],
        currency=currency.codes(found["currency"]),
        is_kept=found["is_kept"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """When a vendor's reservations were last read well; ``channel`` is what the connection names, if any."""

    vendor: str
    channel: str | None
    read_at: datetime


def last_reads(conn: Connection, as_of: datetime) -> list[Read]:
    """Return when each active connection's reservations were last read, by vendor and channel."""
    return [Read(**row) for row in conn.execute(text(_READ), {"as_of": as_of}).mappings()]


def span_by_channel(conn: Connection, as_of: datetime) -> dict[str, tuple[datetime, datetime]]:
    """Return when the first and the last known booking of each channel were made."""
    found = conn.execute(text(_SPAN), {"as_of": as_of})
    return {row.channel: (row.first_at, row.last_at) for row in found}
