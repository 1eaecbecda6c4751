"""Bookings: every revision kept, the newest one current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from python_nodes.domain import guests
from python_nodes.domain.columns import BookingColumns
from python_nodes.domain.records import BookingRecord
from python_nodes.store import copying, revisions
from python_nodes.store.counts import Counts


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


def upsert(
    conn: Connection, records: Sequence[BookingRecord], listing_ids: Mapping[str, int], *, keeps_guests: bool = False
) -> Counts:
    """Keep each new revision and let the newest be current; ``listing_ids`` maps external ids of one channel.

    Of guests only what may be shown is kept, unless ``keeps_guests``.
    """
    columns = _from_records(records, listing_ids)
    return _store(conn, columns if keeps_guests else _masked(columns), len(records))


Rows = Mapping[str, Any]
"""Columns of the table, as ``as_rows`` made them."""


def upsert_rows(conn: Connection, told: Sequence[Rows]) -> Counts:
    """Do as ``upsert`` for the records of all payloads of a poll at once."""
    if not told:
        return Counts(stored=0, unchanged=0)
    values = {name: np.concatenate([part[name] for part in told]) for name in revisions.COLUMNS}
    return _store(conn, values, len(values["external_id"]))


def as_rows(columns: BookingColumns, listing_ids: Mapping[str, int], *, keeps_guests: bool = False) -> Rows:
    """Columns as the table has them, guests as in ``upsert``; nothing of the payload is held by them any more."""
    n_rows = len(columns)
    named = map(listing_ids.__getitem__, columns.listing_external_id.tolist())
    blank = np.full(n_rows, None, dtype=object)
    values: dict[str, Any] = {name: getattr(columns, name, blank) for name in revisions.COLUMNS}
    values["source"] = np.full(n_rows, columns.source, dtype=object)
    values["raw_id"] = np.full(n_rows, copying.NULL_INT if columns.raw_id is None else columns.raw_id)
    values["listing_id"] = np.fromiter(named, np.int64, n_rows)
    values["total_amount_minor"] = np.asarray(values["total_amount_minor"]).astype(np.int64)
    if getattr(columns, "channel", None) is None:
        values["channel"] = np.full(n_rows, "ota", dtype=object)
    return values if keeps_guests else _masked(values)


def _masked(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {**columns, **{name: guests.masked(name, columns[name]) for name in guests.FIELDS}}


def _store(conn: Connection, columns: Mapping[str, Any], n_rows: int) -> Counts:
    kept = revisions.write(conn, columns) if n_rows else 0
    return Counts(stored=kept, unchanged=n_rows - kept)
