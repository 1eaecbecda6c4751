"""Bookings by the stretches of time in which they stood, so that the books of any moment can be looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from python_nodes.domain.metrics import DayArray, FloatArray, IntArray
from python_nodes.store import currency, wide_read
from python_nodes.store.local_time import local_days

_NEVER = np.datetime64("9999-12-31", "us")

# A revision stands from when it was told until the next one, the first from when it was booked: a history tells its
# bookings once, long after they were made. What is cancelled stood until then.
_STOOD = f"""
SELECT listing_id, from_at, until_at, check_in_date, check_out_date, total_amount_minor::float8, currency FROM (
  SELECT listing_id, check_in_date, check_out_date, total_amount_minor, {currency.number_sql("currency")} AS currency,
    CASE WHEN row_number() OVER told = 1 THEN booked_at ELSE source_updated_at END AS from_at,
    least(lead(source_updated_at) OVER told,
      CASE WHEN status IN ('cancelled', 'no_show') THEN coalesce(cancelled_at, source_updated_at) END,
      '{_NEVER}+00') AS until_at
  FROM booking_revisions WHERE listing_id = ANY(%s) AND booked_at < %s
  WINDOW told AS (PARTITION BY source, external_id ORDER BY source_version)
) r WHERE from_at < least(until_at, %s) AND check_out_date > %s
"""
_KINDS = {
    "listing_id": "i8", "from_at": "us", "until_at": "us", "check_in": "D", "check_out": "D", "total_minor": "f8",
    "currency": "i8",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoodRows:
    """One entry a revision; ``listing_row`` points into the ids that were asked for.

    It was on the books from ``from_day`` until before ``until_day``, both local, the latter NaT where it still is;
    ``total_minor`` is of the whole stay.
    """

    listing_row: IntArray
    from_day: DayArray
    until_day: DayArray
    check_in_day: DayArray
    stay_nights: IntArray
    total_minor: FloatArray
    currency: NDArray[np.str_]


def stood(
    conn: Connection, listing_ids: Sequence[int] | IntArray, timezones: Sequence[str], since: date, as_of: datetime
) -> StoodRows:
    """Return every revision known by ``as_of`` of the bookings whose guests leave after ``since``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    found = wide_read.fetch(conn, _STOOD, wanted, (as_of, as_of, since), _KINDS)
    order = np.argsort(wanted)
    place = np.searchsorted(wanted, found["listing_id"], sorter=order)
    row = order[place] if len(found) else np.empty(0, dtype=np.int64)
    # What ends after the moment that is looked from has not ended yet.
    moment = np.datetime64(as_of.replace(tzinfo=None) - (as_of.utcoffset() or (as_of - as_of)), "us")
    until = np.where(found["until_at"] >= moment, np.datetime64("NaT", "us"), found["until_at"])
    return StoodRows(
        listing_row=row,
        from_day=local_days(found["from_at"], row, timezones),
        until_day=local_days(until, row, timezones),
        check_in_day=found["check_in"],
        stay_nights=(found["check_out"] - found["check_in"]).astype(np.int64),
        total_minor=found["total_minor"],
        currency=currency.codes(found["currency"]),
    )
