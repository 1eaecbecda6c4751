"""A guest's traces in the tables: bookings, the quarantine, and what people and programs wrote."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from python_nodes.domain.guests import ERASED, FIELDS
from python_nodes.store.tenant_keys import TenantKeys

TEXTS: Mapping[str, tuple[str, ...]] = {
    "actions": ("note",), "alert_events": ("reason",), "alerts": ("title",), "deliveries": ("error", "reason"),
    "flow_errors": ("message",), "jobs": ("error",), "listing_changes": ("old_value", "new_value"),
    "mutes": ("reason",), "poll_runs": ("error",), "proposal_decisions": ("note",), "rejected": ("reason",),
    "verdicts": ("note",),
}  # fmt: skip
"""Columns of text in which a guest may have been named, by table."""
DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "alert_events": ("changes",), "alerts": ("evidence", "parts"), "anomalies": ("evidence",),
    "idempotency_keys": ("response",), "import_runs": ("report",), "jobs": ("result",), "outbox": ("payload",),
}  # fmt: skip
"""Columns of JSON in which a guest may have been named, by table."""
_BOOKED = ("bookings", "superseded_bookings")
_OF = (
    "(source, external_id) IN (SELECT b.source, b.external_id FROM {table} b"
    " JOIN unnest(cast(:sources AS text[]), cast(:guests AS text[])) AS g (source, guest) ON b.source = g.source"
    " AND (b.external_id = g.guest OR (b.external_id > g.guest || '/' AND b.external_id < g.guest || '0')))"
)
_NAMED = " OR ".join(f"{name} IS NOT NULL" for name in FIELDS)
_BLANK = ", ".join(f"{name} = NULL" for name in FIELDS)
_MASK = (
    "guest_name = regexp_replace(guest_name, '(\\S)\\S*', '\\1.', 'g'),"
    " guest_email = CASE WHEN guest_email IS NOT NULL THEN left(guest_email, 1) || '***@***' END,"
    " guest_phone = CASE WHEN guest_phone IS NOT NULL THEN '***' || right(guest_phone, 2) END"
)
# As masks are written by `domain.guests.masked`.
_IN_FULL = (
    "guest_name ~ '\\S{3,}|(^|\\s)\\S[^.\\s](\\s|$)' OR guest_phone !~ '^[*]{3}'"
    " OR guest_email !~ '^([*]{3}|.[*]{3}@[*]{3})$'"
)
Guests = Sequence[tuple[str, str]]
"""Source and reservation of each."""


def reservations(conn: Connection, reservation: str | None, email: str | None) -> list[tuple[str, str]]:
    """Return the bookings of that number, or kept with that e-mail, in whatever source."""
    query = (
        "SELECT DISTINCT source, split_part(external_id, '/', 1) AS guest FROM {} WHERE external_id = :reservation"
        " OR (external_id > :reservation || '/' AND external_id < :reservation || '0') OR lower(guest_email) = :email"
    )
    whole = " UNION ".join(query.format(table) for table in _BOOKED)
    told = {"reservation": reservation, "email": email}
    return [(row.source, row.guest) for row in conn.execute(text(f"{whole} ORDER BY 1, 2"), told)]


def booked(conn: Connection, guests: Guests) -> list[dict[str, Any]]:
    """Return every revision of these guests' bookings, as it stands."""
    query = " UNION ALL ".join(
        f"SELECT '{table}' AS kept_in, t.* FROM {table} t WHERE {_OF.format(table=table)}" for table in _BOOKED
    )
    rows = conn.execute(text(query), _told(guests)).mappings()
    return [{name: value for name, value in row.items() if name != "tenant_id"} for row in rows]


def blank(conn: Connection, guests: Guests) -> int:
    """Take these guests' names and addresses out of every revision of their bookings, and count those that had any."""
    return sum(
        conn.execute(
            text(f"UPDATE {table} SET {_BLANK} WHERE ({_NAMED}) AND {_OF.format(table=table)}"), _told(guests)
        ).rowcount
        for table in _BOOKED
    )


def blank_erased(conn: Connection) -> int:
    """Take out again what a channel has told anew of guests who are erased."""
    rows = conn.execute(text("SELECT source, external_id FROM guest_keys WHERE erased_at IS NOT NULL")).all()
    return blank(conn, [(row.source, row.external_id) for row in rows]) if rows else 0


def mask_all(conn: Connection) -> int:
    """Mask what stands in full from a time when guests were kept, or before they were masked."""
    return sum(conn.execute(text(f"UPDATE {table} SET {_MASK} WHERE {_IN_FULL}")).rowcount for table in _BOOKED)


def quarantined(conn: Connection, keys: TenantKeys, is_theirs: Callable[[bytes], bool]) -> list[tuple[int, bytes]]:
    """Return the rejected records, still open or not, that are about a guest."""
    query = text("SELECT id, raw FROM rejected ORDER BY id").execution_options(stream_results=True)
    rows = conn.execute(query)
    opened = ((int(row.id), keys.opened(bytes(row.raw))) for row in rows)
    return [(number, raw) for number, raw in opened if is_theirs(raw)]


def blank_quarantined(conn: Connection, keys: TenantKeys, numbers: Sequence[int], at: datetime) -> None:
    """Take all that came out of rejected records, which nobody can replay from now on."""
    for number in numbers:
        told = {"id": number, "raw": keys.seal(ERASED.encode()), "digest": secrets.token_bytes(32), "at": at}
        conn.execute(
            text("UPDATE rejected SET raw = :raw, raw_sha256 = :digest, replayed_at = :at WHERE id = :id"), told
        )  # fmt: skip


def written(conn: Connection, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return where any of these values is written, row by row."""
    found = []
    for table, column in [*_columns(TEXTS), *_columns(DOCUMENTS)]:
        query = f"SELECT {column}::text AS said FROM {table} WHERE {_any(column)}"
        rows = conn.execute(text(query), {"values": _forms(values)})
        found += [{"table": table, "column": column, "text": row.said} for row in rows]
    return found


def blank_written(conn: Connection, values: Sequence[str]) -> int:
    """Put ``erased`` in the place of these values wherever they are written, and count the rows."""
    longest_first = sorted(values, key=len, reverse=True)
    gone = sum(_blank_document(conn, table, column, longest_first) for table, column in _columns(DOCUMENTS))
    for table, column in _columns(TEXTS):
        for value in longest_first:
            query = f"UPDATE {table} SET {column} = replace({column}, :value, '{ERASED}') WHERE {_any(column)}"
            gone += conn.execute(text(query), {"value": value, "values": [value]}).rowcount
    return gone


def _blank_document(conn: Connection, table: str, column: str, values: Sequence[str]) -> int:
    """Do so within a document's texts: a telephone's digits may stand in a figure too, which is nobody's."""
    query = (
        f"SELECT tableoid::text AS part, ctid::text AS place, {column}::text AS said FROM {table}"
        f" WHERE {_any(column)} FOR UPDATE"
    )
    changed = []
    for row in conn.execute(text(query), {"values": _forms(values)}).all():
        told = json.loads(row.said)
        left = _without(told, values)
        if left != told:
            changed.append({"left": json.dumps(left), "part": row.part, "place": row.place})
    if changed:
        # The rows are held until the transaction ends, so that they are where they were read.
        where = "tableoid = cast(:part AS oid) AND ctid = cast(:place AS tid)"
        conn.execute(text(f"UPDATE {table} SET {column} = cast(:left AS jsonb) WHERE {where}"), changed)
    return len(changed)


def _without(told: Any, values: Sequence[str]) -> Any:
    """Return a document without these values, the longest first."""
    if isinstance(told, str):
        for value in values:
            told = told.replace(value, ERASED)
    elif isinstance(told, list):
        return [_without(one, values) for one in told]
    elif isinstance(told, dict):
        return {name: _without(one, values) for name, one in told.items()}
    return told


def _forms(values: Sequence[str]) -> list[str]:
    """Return values as they are, and as they stand in a document."""
    return sorted({*values, *(json.dumps(one, ensure_ascii=False)[1:-1] for one in values)})


def _any(column: str) -> str:
    stands = f"strpos({column}::text, v.value) > 0"
    return f"EXISTS (SELECT FROM unnest(cast(:values AS text[])) AS v (value) WHERE {stands})"


def _columns(of: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(table, column) for table, columns in of.items() for column in columns]


def _told(guests: Guests) -> dict[str, list[str]]:
    return {"sources": [source for source, _ in guests], "guests": [guest for _, guest in guests]}
