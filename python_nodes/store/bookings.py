"""Bookings: every revision kept, the newest one current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain.columns import BookingColumns
from python_nodes.domain.metrics import DayArray, IntArray
from python_nodes.domain.records import BookingRecord
from python_nodes.store import copying, revisions
from python_nodes.store.counts import Counts

# Listing by listing on the index: the planner cannot see through row-level security how many rows a tenant has.
_DAILY = """
WITH place AS MATERIALIZED (
  SELECT l.id, p.timezone FROM listings l
  JOIN units u ON u.tenant_id = l.tenant_id AND u.id = l.unit_id
  JOIN properties p ON p.tenant_id = u.tenant_id AND p.id = u.property_id
  WHERE l.id = ANY(%s)
)
SELECT place.id, (b.booked_at AT TIME ZONE place.timezone)::date,
  count(*), sum(b.check_out_date - b.check_in_date)::bigint, sum(b.total_amount_minor)::bigint,
  count(*) FILTER (WHERE b.status = 'cancelled')
FROM place CROSS JOIN LATERAL (
  SELECT * FROM bookings k WHERE k.listing_id = place.id
    AND k.booked_at >= %s::date - interval '1 day' AND k.booked_at < %s::date + interval '2 days' OFFSET 0
) b
WHERE (b.booked_at AT TIME ZONE place.timezone)::date BETWEEN %s AND %s
GROUP BY 1, 2
"""


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


def _seconds(values: Sequence[datetime | None]) -> Any:
    naive = [None if value is None else value.astimezone(UTC).replace(tzinfo=None) for value in values]
    return np.array(naive, dtype="datetime64[us]")


def _from_records(records: Sequence[BookingRecord], listing_ids: Mapping[str, int]) -> dict[str, Any]:
    origins = [one.origin for one in records]
    raw_ids = [copying.NULL_INT if one.raw_id is None else one.raw_id for one in origins]
    columns: dict[str, Any] = {
        "source": [one.source for one in origins],
        "external_id": [one.external_id for one in origins],
        "source_version": np.array([one.source_version for one in origins], dtype=np.int64),
        "source_updated_at": _seconds([one.source_updated_at for one in origins]),
        "raw_id": np.array(raw_ids, dtype=np.int64),
        "listing_id": np.array([listing_ids[one.listing_external_id] for one in records], dtype=np.int64),
        "check_in_date": np.array([one.check_in_date for one in records], dtype="datetime64[D]"),
        "check_out_date": np.array([one.check_out_date for one in records], dtype="datetime64[D]"),
        "booked_at": _seconds([one.booked_at for one in records]),
        "cancelled_at": _seconds([one.cancelled_at for one in records]),
        "total_amount_minor": np.array([one.total_amount_minor for one in records], dtype=np.int64),
    }
    for name in (
        "rate_plan_external_id",
        "currency",
        "status",
        "channel",
        "guest_name",
        "guest_email",
        "guest_phone",
    ):
        columns[name] = [getattr(one, name) for one in records]
    return {
        name: np.array(values, dtype=object) if isinstance(values, list) else values for name, values in columns.items()
    }


def upsert(conn: Connection, records: Sequence[BookingRecord], listing_ids: Mapping[str, int]) -> Counts:
    """Keep each new revision and let the newest be current; ``listing_ids`` maps external ids of one channel."""
    return _store(conn, _from_records(records, listing_ids), len(records))


Rows = Mapping[str, Any]
"""Columns of the table, as ``as_rows`` made them."""


def upsert_rows(conn: Connection, told: Sequence[Rows]) -> Counts:
    """Do as ``upsert`` for the records of all payloads of a poll at once."""
    if not told:
        return Counts(stored=0, unchanged=0)
    values = {name: np.concatenate([part[name] for part in told]) for name in revisions.COLUMNS}
    return _store(conn, values, len(values["external_id"]))


def as_rows(columns: BookingColumns, listing_ids: Mapping[str, int]) -> Rows:
    """Columns as the table has them; nothing of the payload is held by them any more."""
    n_rows = len(columns)
    named, codes = np.unique(columns.listing_external_id.astype("U"), return_inverse=True)
    known = np.array([listing_ids[str(name)] for name in named], dtype=np.int64)
    blank = np.full(n_rows, None, dtype=object)
    values: dict[str, Any] = {name: getattr(columns, name, blank) for name in revisions.COLUMNS}
    values["source"] = np.full(n_rows, columns.source, dtype=object)
    values["raw_id"] = np.full(n_rows, copying.NULL_INT if columns.raw_id is None else columns.raw_id)
    values["listing_id"] = known[codes]
    values["total_amount_minor"] = np.asarray(values["total_amount_minor"]).astype(np.int64)
    if getattr(columns, "channel", None) is None:
        values["channel"] = np.full(n_rows, "ota", dtype=object)
    return values


def _store(conn: Connection, columns: Mapping[str, Any], n_rows: int) -> Counts:
    kept = revisions.write(conn, columns) if n_rows else 0
    return Counts(stored=kept, unchanged=n_rows - kept)


def daily_stats(conn: Connection, listing_ids: Sequence[int] | IntArray, start: date, end: date) -> DailyBookings:
    """Count bookings made from ``start`` to ``end``, both included; row ``i`` is ``listing_ids[i]``."""
    wanted = np.asarray(listing_ids, dtype=np.int64)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    kinds = {
        "listing_id": "i8",
        "day": "D",
        "bookings": "i8",
        "nights": "i8",
        "revenue_minor": "i8",
        "cancelled": "i8",
    }
    rows = copying.fetch(conn, _DAILY, (wanted.tolist(), start, end, start, end), kinds)
    order = np.argsort(wanted)
    at = order[np.searchsorted(wanted, rows["listing_id"], sorter=order)] if len(rows) else np.empty(0, np.int64)
    column = (rows["day"] - days[0]).astype(np.int64)
    filled: dict[str, IntArray] = {}
    for name in ("bookings", "nights", "revenue_minor", "cancelled"):
        filled[name] = np.zeros((len(wanted), len(days)), dtype=np.int64)
        filled[name][at, column] = rows[name]
    return DailyBookings(days=days, **filled)
