"""The audit log: who did what to what, appended in the transaction that did it, each entry chained to the one before.

The application's role may append entries and read them. The chain is written by the database when the transaction
commits (migration 0023), so that entries of one tenant stand in the order in which they took effect and nobody waits
for another's work. See docs/adr/0020-audit-chain.md for what the chain shows and what it cannot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

LONGEST = 200
"""Characters of a name; longer ones are cut, since the log is no place for what people wrote."""
_ABOUT: ContextVar[tuple[str, dict[str, Any]] | None] = ContextVar("audit_about", default=None)
_APPEND = text(
    "INSERT INTO audit_log (at, via, actor, action, objects, outcome, run_id)"
    " VALUES (:at, :via, :actor, :action, :objects, :outcome, :run_id) RETURNING id"
)
_CHAIN = text(
    "SELECT c.position, c.entry_id, c.written_by, c.hash, l.id, l.at, l.via, l.actor, l.action, l.objects,"
    " l.outcome, l.run_id, (extract(epoch FROM l.at) * 1000000)::bigint AS at_us"
    " FROM audit_chain c FULL JOIN audit_log l ON l.tenant_id = c.tenant_id AND l.id = c.entry_id"
    " ORDER BY c.position NULLS LAST, l.id"
)
_SHOW = text(
    "SELECT c.position, l.at, l.via, l.actor, l.action, l.objects, l.outcome, l.run_id FROM audit_log l"
    " LEFT JOIN audit_chain c ON c.tenant_id = l.tenant_id AND c.entry_id = l.id"
    " WHERE (cast(:since AS timestamptz) IS NULL OR l.at >= :since)"
    " AND (cast(:who AS text) IS NULL OR strpos(lower(l.actor), lower(:who)) > 0)"
    " ORDER BY l.id DESC LIMIT :most"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done, or one reading of what is personal; never a secret, never a guest's data."""

    at: datetime
    via: str
    """How it came: ``api``, ``console``, ``cli``, ``slack``, ``sms``, ``link`` or ``job``."""
    actor: str
    """Who: a key's id and name, a session, a person as the channel names them, a user of this machine."""
    action: str
    """What: ``POST /v1/mutes``, ``apikeys rotate``, ``read personal data``."""
    objects: Mapping[str, Any]
    """Ids of what it was done to, by name."""
    outcome: str = "done"
    """``done``, ``refused`` or ``failed``."""
    run_id: str = ""
    """The request's, or n8n's execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A row of the log beside its place in the chain; either may lack where somebody was at it."""

    position: int | None
    entry_id: int | None
    written_by: str | None
    hash: bytes | None
    row: Mapping[str, Any] | None


def note(person: str = "", **objects: Any) -> None:
    """Say, where it is known, for whom the present request acts and on what; its own entry will tell it."""
    before = about()
    _ABOUT.set((person or before[0], {**before[1], **objects}))


def about() -> tuple[str, dict[str, Any]]:
    """Return what was noted of the present request."""
    return _ABOUT.get() or ("", {})


def forget() -> None:
    """Begin a request of which nothing is noted."""
    _ABOUT.set(None)


def record(conn: Connection, entry: Entry) -> int:
    """Append an entry in the caller's transaction and return its id; it stands once that commits."""
    told = {
        "at": entry.at, "via": entry.via, "actor": _clean(entry.actor), "action": _clean(entry.action),
        "objects": json.dumps(dict(entry.objects), sort_keys=True, ensure_ascii=True, default=str),
        "outcome": entry.outcome, "run_id": _clean(entry.run_id),
    }  # fmt: skip
    return int(conn.execute(_APPEND, told).scalar_one())


def links(conn: Connection) -> Iterator[Link]:
    """Yield the whole log in the chain's order, as of one moment; what no link holds comes last."""
    rows = conn.execution_options(stream_results=True, yield_per=1000).execute(_CHAIN)
    for one in rows.mappings():
        yield Link(
            position=one["position"], entry_id=one["entry_id"], written_by=one["written_by"],
            hash=None if one["hash"] is None else bytes(one["hash"]), row=None if one["id"] is None else dict(one),
        )  # fmt: skip


def hash_after(previous: bytes, tenant_id: int, link: Link) -> bytes:
    """Return the hash that a link must have; reckoned here, so that the database's own function is not trusted."""
    row = link.row or {}
    told = [
        tenant_id, link.position, row["id"], row["at_us"], row["via"], row["actor"], row["action"], row["objects"],
        row["outcome"], row["run_id"], link.written_by,
    ]  # fmt: skip
    return hashlib.sha256(previous + json.dumps(told, ensure_ascii=False).encode()).digest()


def count(conn: Connection) -> int:
    """Return how many entries there are."""
    return int(conn.execute(text("SELECT count(*) FROM audit_log")).scalar_one())


def newest(conn: Connection, *, since: datetime | None, who: str | None, most: int) -> list[dict[str, Any]]:
    """Return entries, newest first."""
    rows = conn.execute(_SHOW, {"since": since, "who": who, "most": most}).mappings()
    return [dict(row) for row in rows]


def _clean(told: str) -> str:
    """Cut, and without what a text of PostgreSQL or a terminal cannot hold."""
    kept = "".join(one if one.isprintable() else "?" for one in told.encode("utf-8", "replace").decode())
    return kept[:LONGEST]
