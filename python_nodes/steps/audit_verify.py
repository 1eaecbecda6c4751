"""Go through the audit log's chain and name the first entry that is not as it was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from python_nodes.errors import PermanentError
from python_nodes.store import audit
from python_nodes.store.audit import Link
from python_nodes.store.session import Database

NO_HASH = b""
EVERY = 500
"""After how many entries progress is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found; ``broken`` says what is wrong first, None if nothing is. ``head`` is to be kept elsewhere."""

    entries: int
    head: str
    broken: str | None


def run(
    database: Database, tenant_id: int, progress: Callable[[int, int], None], expect: str | None = None
) -> Verified:
    """Check every link; ``expect`` is a head that somebody kept, which must be in the chain, at its end or before."""
    wanted = None if expect is None else _digest(expect)
    with database.tenant(tenant_id) as conn:
        application = str(conn.execute(text("SELECT session_user")).scalar_one())
        total = audit.count(conn)
        return _walk(conn, tenant_id, application, wanted, lambda done: progress(done, max(done, total)))


def _walk(
    conn: Connection, tenant_id: int, application: str, wanted: bytes | None, told: Callable[[int], None]
) -> Verified:
    head, done, was_seen = NO_HASH, 0, wanted is None
    for link in audit.links(conn):
        fault = _fault(link, done + 1, head, tenant_id, application)
        if fault is not None:
            return Verified(entries=done, head=head.hex(), broken=fault)
        head, done = link.hash or NO_HASH, done + 1
        was_seen = was_seen or head == wanted
        if done % EVERY == 0:
            told(done)
    told(done)
    lost = None if was_seen else "the expected hash is not in the chain: its end was cut off, or it was written anew"
    return Verified(entries=done, head=head.hex(), broken=lost)


def _fault(link: Link, position: int, previous: bytes, tenant_id: int, application: str) -> str | None:
    if link.position is None:
        return f"entry {(link.row or {}).get('id')} is in no link: it was put there past the chain"
    if link.position != position:
        return f"position {position} is missing"
    if link.row is None:
        return f"position {position}: entry {link.entry_id} is gone"
    if link.hash != audit.hash_after(previous, tenant_id, link):
        return f"position {position}: entry {link.entry_id} is not what was written"
    if link.written_by != application:
        return f"position {position}: entry {link.entry_id} was written by {link.written_by}, not by the application"
    return None


def _digest(told: str) -> bytes:
    try:
        found = bytes.fromhex(told.strip())
    except ValueError:
        found = b""
    if len(found) != 32:
        raise PermanentError("the expected hash: 64 hexadecimal digits, as `audit verify` prints", field="expect")
    return found
