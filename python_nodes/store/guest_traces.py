"""A guest's traces in the tables: bookings, the quarantine, and what people and programs wrote."""

from __future__ import annotations

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
    for table, column, told in _columns():
        query = f"SELECT {told} AS said FROM {table} WHERE {_any(told)}"
        rows = conn.execute(text(query), {"values": list(values)})
        found += [{"table": table, "column": column, "text": row.said} for row in rows]
    return found


def blank_written(conn: Connection, values: Sequence[str]) -> int:
    """Put ``erased`` in the place of these values wherever they are written, and count the rows."""
    gone = 0
    for table, column, told in _columns():
        for value in sorted(values, key=len, reverse=True):
            kind = "::jsonb" if column in DOCUMENTS.get(table, ()) else ""
            query = f"UPDATE {table} SET {column} = replace({told}, :value, '{ERASED}'){kind} WHERE {_any(told)}"
            gone += conn.execute(text(query), {"value": value, "values": [value]}).rowcount
    return gone


def _any(told: str) -> str:
    return f"EXISTS (SELECT FROM unnest(cast(:values AS text[])) AS v (value) WHERE strpos({told}, v.value) > 0)"


def _columns() -> list[tuple[str, str, str]]:
    plain = [(table, column, column) for table, columns in TEXTS.items() for column in columns]
    return [*plain, *((table, one, f"{one}::text") for table, columns in DOCUMENTS.items() for one in columns)]


def _told(guests: Guests) -> dict[str, list[str]]:
    return {"sources": [source for source, _ in guests], "guests": [guest for _, guest in guests]}
