"""Writes bookings: ``bookings`` holds each booking's newest revision, ``superseded_bookings`` all that it replaced."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from python_nodes.domain.columns import BoolArray
from python_nodes.domain.metrics import IntArray
from python_nodes.store import copying

COLUMNS = (
    "source", "external_id", "source_version", "source_updated_at", "raw_id", "listing_id", "rate_plan_external_id",
    "check_in_date", "check_out_date", "booked_at", "cancelled_at", "total_amount_minor", "currency", "status",
    "channel", "guest_name", "guest_email", "guest_phone",
)  # fmt: skip
_KEY = ("source", "external_id")
_OFTEN_ALIKE = {"source": "text", "raw_id": "bigint", "channel": "text", "guest_email": "text", "guest_phone": "text"}
"""Columns that mostly say the same in every row of a batch, and so need not be sent for each."""

_TENANT = "(SELECT current_setting('app.tenant_id')::int)"
_ADVISORY_KIND = 2
_ONE_WRITER = f"SELECT pg_advisory_xact_lock({_ADVISORY_KIND}, {_TENANT})"
_NAMES = ", ".join(COLUMNS)
# Booking by booking on the key: the planner knows nothing of a staging table, and might read a year for one row.
_HELD = f"""
FROM staged s CROSS JOIN LATERAL (
  SELECT * FROM bookings h WHERE h.tenant_id = {_TENANT} AND h.source = s.source AND h.external_id = s.external_id
  OFFSET 0
) b
"""
_NEAR = f"""
SELECT EXISTS (SELECT 1 FROM bookings WHERE tenant_id = {_TENANT} AND source = ANY(:sources)
  AND external_id BETWEEN :first AND :last)
"""
_COMPARE = f"""
SELECT count(*), count(*) FILTER (WHERE s.is_newest AND s.source_version > b.source_version),
  count(*) FILTER (WHERE s.source_version < b.source_version) {_HELD}
"""
_ADD = f"INSERT INTO bookings (tenant_id, {_NAMES}) SELECT {_TENANT}, {_NAMES} FROM staged s WHERE s.is_newest"
_KEEP = f"INSERT INTO superseded_bookings (tenant_id, {_NAMES}) SELECT {_TENANT}, {{}} {_HELD} WHERE {{}}"
_KEEP_REPLACED = (
    _KEEP.format(", ".join(f"b.{name}" for name in COLUMNS), "s.is_newest AND s.source_version > b.source_version")
    + " ON CONFLICT DO NOTHING"
)
_KEEP_LATE = (
    _KEEP.format(", ".join(f"s.{name}" for name in COLUMNS), "s.source_version < b.source_version")
    + " ON CONFLICT DO NOTHING"
)
_REPLACE = f"""
UPDATE bookings b SET {", ".join(f"{name} = s.{name}" for name in COLUMNS if name not in _KEY)} FROM staged s
WHERE b.tenant_id = {_TENANT} AND b.source = s.source AND b.external_id = s.external_id
  AND s.is_newest AND b.source_version < s.source_version
"""


def write(conn: Connection, columns: Mapping[str, Any]) -> int:
    """Keep every revision that is not known yet, whatever their order; return how many were kept.

    Of two revisions of the same version the first that came stays.
    """
    sources, ids = columns["source"].tolist(), [copying.as_stored(one) for one in columns["external_id"].tolist()]
    many = len(set(sources)) > 1
    newest = _newest(list(zip(sources, ids, strict=True)) if many else ids, columns["source_version"])
    bound = _stage(conn, columns, newest)
    # One writer of a tenant's bookings at a time: two would both find one missing, or both replace it.
    conn.execute(text(_ONE_WRITER))
    ask = _Statements(conn, bound)
    # Most channels number their bookings as they come: then a window of history finds nothing near its own.
    near = {"sources": sorted(set(sources)), "first": min(ids), "last": max(ids)}
    known, newer, older = ask.run(_COMPARE).one() if conn.execute(text(_NEAR), near).scalar_one() else (0, 0, 0)
    kept = 0
    if known < len(newest):
        kept += ask.run(f"{_ADD} ON CONFLICT DO NOTHING" if known else _ADD).rowcount
    if newer:
        ask.run(_KEEP_REPLACED)
        kept += ask.run(_REPLACE).rowcount
    if older or not newest.all():
        kept += ask.run(_KEEP_LATE).rowcount
    return kept


class _Statements:
    """Runs statements on the batch as if all its columns were staged."""

    def __init__(self, conn: Connection, bound: Mapping[str, Any]) -> None:
        self.conn, self.bound = conn, bound
        alike = "".join(f", CAST(:{name} AS {_OFTEN_ALIKE[name]}) AS {name}" for name in bound)
        self.staged = f"(SELECT *{alike} FROM pg_temp.staged_bookings) s"

    def run(self, statement: str) -> Any:
        """Execute with the batch in the place of ``staged s``."""
        return self.conn.execute(text(statement.replace("staged s", self.staged, 1)), self.bound)


def _stage(conn: Connection, columns: Mapping[str, Any], newest: BoolArray) -> dict[str, Any]:
    """Send the batch, and return what is the same in every row of it."""
    alike = {name: columns[name][0] for name in _OFTEN_ALIKE if _is_alike(columns[name])}
    # A listing's bookings are read together, so they shall lie together.
    order = np.lexsort((columns["booked_at"], columns["listing_id"]))
    staged = {name: columns[name][order] for name in COLUMNS if name not in alike}
    copying.stage(conn, "staged_bookings", {**staged, "is_newest": newest[order]})
    return {name: _plain(value) for name, value in alike.items()}


def _is_alike(values: np.ndarray[Any, Any]) -> bool:
    return len(set(values.tolist())) == 1


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value or None
    return None if value is None or value == copying.NULL_INT else int(value)


def _newest(names: Sequence[Hashable], versions: IntArray) -> BoolArray:
    """Mark the newest revision of each booking in a batch; of two of the same version the first."""
    newest = np.ones(len(names), dtype=np.bool_)
    if len(set(names)) == len(names):
        return newest
    number = {name: at for at, name in enumerate(dict.fromkeys(names))}
    code = np.fromiter(map(number.__getitem__, names), np.int64, len(names))
    order = np.lexsort((-np.arange(len(names)), versions, code))
    newest[order[:-1]] = np.diff(code[order]) != 0
    return newest
