"""Notes of what was written of a tenant's series: by them whoever keeps series knows which of them to read again.

Whoever notes holds the tenant's ``single_writer`` lock until the transaction ends, so that notes are seen in the order
of their numbers. A note's token tells a restored database, in which numbers are given anew, from the one it was.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, text

from python_nodes.domain.metrics import Changes, DayArray, IntArray, Rewritten

KEPT = 2_000
"""So many notes are kept, of some hundred a day: what was read longer ago is read anew."""
_PRUNED_EVERY = 100
_ADD = text("INSERT INTO series_changes (start_date, end_date, listing_ids) VALUES (:start, :end, :ids) RETURNING id")
_PRUNE = text(
    "DELETE FROM series_changes WHERE id < (SELECT id FROM series_changes ORDER BY id DESC OFFSET :kept LIMIT 1)"
)
_NEWEST = text("SELECT id, token FROM series_changes ORDER BY id DESC LIMIT 1")
_KNOWN = text("SELECT EXISTS (SELECT 1 FROM series_changes WHERE id = :id AND token = :token)")
_SINCE = text(
    "SELECT start_date, end_date, listing_ids FROM series_changes WHERE id > :since AND id <= :until ORDER BY id"
)


def add(conn: Connection, listing: IntArray, day: DayArray) -> None:
    """Note a write of these listings between the first and the last of these days."""
    if len(day):
        span(conn, day.min().item(), day.max().item(), np.unique(listing))


def span(conn: Connection, start: date, end: date, listing_ids: IntArray | None = None) -> None:
    """Note that something was written between two days, of every listing where none is named."""
    told = {"start": start, "end": end, "ids": None if listing_ids is None else listing_ids.tolist()}
    if int(conn.execute(_ADD, told).scalar_one()) % _PRUNED_EVERY == 0:
        conn.execute(_PRUNE, {"kept": KEPT})


def changes(conn: Connection, since: str | None) -> Changes:
    """Tell what was noted after a mark."""
    newest = conn.execute(_NEWEST).first()
    mark = "" if newest is None else f"{newest.id}:{newest.token}"
    if since == mark:
        return Changes(mark, ())
    if not since or newest is None:
        return Changes(mark, None)
    number, _, token = since.partition(":")
    if not conn.execute(_KNOWN, {"id": int(number), "token": UUID(token)}).scalar_one():
        return Changes(mark, None)
    rows = conn.execute(_SINCE, {"since": int(number), "until": newest.id})
    return Changes(mark, tuple(Rewritten(_listings(row.listing_ids), row.start_date, row.end_date) for row in rows))


def _listings(told: list[int] | None) -> IntArray | None:
    return None if told is None else np.array(told, dtype=np.int64)
