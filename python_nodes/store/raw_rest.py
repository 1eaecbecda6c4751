"""How raw payloads rest: which still wait to be parted by guest, where they move, which are too old, what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from python_nodes.store.raw import RawArchive, place_for
from python_nodes.store.session import current_tenant

ABANDONED_S = 86_400
"""After so long a file that no row names was left by a transaction that came to nothing."""
_WAITING = text(
    "SELECT id, source, operation, path, coalesce(pack, path) AS place, fetched_at FROM raw_index"
    " WHERE (sealed_by IS NULL OR sealed_by = 'tenant') AND operation = ANY(:operations) ORDER BY id LIMIT :most"
)
_OF_STATE = text(
    "SELECT id, source, operation, path, coalesce(pack, path) AS place, fetched_at FROM raw_index"
    " WHERE (sealed_by IS NULL OR sealed_by <> 'guests') AND operation = ANY(:operations) AND id > :after"
    " ORDER BY id LIMIT :most"
)
_MOVE = text(
    "UPDATE raw_index r SET pack = t.pack, offset_bytes = t.first, stored_bytes = t.size, sealed_by = t.sealed_by,"
    " sha256 = decode(t.digest, 'hex') FROM unnest(cast(:ids AS bigint[]), cast(:packs AS text[]),"
    " cast(:firsts AS bigint[]), cast(:sizes AS bigint[]), cast(:states AS text[]), cast(:digests AS text[]))"
    " AS t (id, pack, first, size, sealed_by, digest) WHERE r.id = t.id"
)
_RENAME = text(
    "UPDATE raw_index SET path = regexp_replace(path, '[^/]+$', encode(sha256, 'hex') || '-' || id)"
    " WHERE id = ANY(:ids)"
)
_EXPIRE = text(
    "DELETE FROM raw_index WHERE fetched_at < :until AND CASE :kind"
    " WHEN 'guests' THEN sealed_by = 'guests'"
    " WHEN 'unparted' THEN sealed_by IS DISTINCT FROM 'guests' AND operation = ANY(:personal)"
    " ELSE sealed_by IS DISTINCT FROM 'guests' AND NOT operation = ANY(:personal) END"
    " RETURNING coalesce(pack, path) AS place"
)
_NAMED = text(
    "SELECT place FROM unnest(cast(:places AS text[])) AS t (place)"
    " WHERE EXISTS (SELECT FROM raw_index r WHERE r.pack = t.place OR (r.pack IS NULL AND r.path = t.place))"
)


@dataclass(frozen=True, slots=True)
class Resting:
    """A payload's row."""

    raw_id: int
    source: str
    operation: str
    path: str
    place: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A payload as it shall rest from now on."""

    row: Resting
    sealed: bytes
    sealed_by: str
    fingerprint: bytes


def waiting(conn: Connection, operations: Sequence[str], most: int) -> list[Resting]:
    """Return payloads that may name guests and were not looked at yet."""
    rows = conn.execute(_WAITING, {"operations": list(operations), "most": most})
    return [Resting(*row) for row in rows]


def unparted(conn: Connection, operations: Sequence[str], after: int, most: int) -> list[Resting]:
    """Return payloads that may name guests and are under the tenant's key alone, in order of id."""
    rows = conn.execute(_OF_STATE, {"operations": list(operations), "after": after, "most": most})
    return [Resting(*row) for row in rows]


def move(conn: Connection, archive: RawArchive, told: Sequence[Move]) -> set[str]:
    """Write payloads anew, a file a day, and return the files where they were; those go once this is committed.

    A payload's checksum and name are told by the tenant's key from now on: a guess of what was erased cannot be held
    against them.
    """
    by_day: dict[str, list[Move]] = {}
    for one in told:
        by_day.setdefault(str(Path(one.row.path).parent), []).append(one)
    packs, firsts = [], []
    for moves in by_day.values():
        named = [str(Path(one.row.path).with_name(one.fingerprint.hex())) for one in moves]
        place, first = place_for(named), 0
        archive.write(place, (one.sealed for one in moves))
        for one in moves:
            packs.append(place)
            firsts.append(first)
            first += len(one.sealed)
    rows = [one for moves in by_day.values() for one in moves]
    ids = [one.row.raw_id for one in rows]
    conn.execute(_MOVE, {
        "ids": ids, "packs": packs, "firsts": firsts, "sizes": [len(one.sealed) for one in rows],
        "states": [one.sealed_by for one in rows], "digests": [one.fingerprint.hex() for one in rows],
    })  # fmt: skip
    conn.execute(_RENAME, {"ids": ids})
    return {one.row.place for one in rows}


def expire(conn: Connection, days: Mapping[str, date], personal: Sequence[str]) -> tuple[int, set[str]]:
    """Delete the rows of payloads that came before their kind's day; how many, and the files that they were in."""
    gone, places = 0, set()
    for kind, until in days.items():
        told = {"kind": kind, "until": until, "personal": list(personal)}
        rows = conn.execute(_EXPIRE, told).all()
        gone += len(rows)
        places |= {row.place for row in rows}
    return gone, places


def unlink(conn: Connection, archive: RawArchive, places: set[str]) -> int:
    """Delete those of the files that no row names any more, and count them."""
    named = set(conn.execute(_NAMED, {"places": sorted(places)}).scalars())
    for place in places - named:
        (archive.root / place).unlink(missing_ok=True)
    return len(places - named)


def sweep(conn: Connection, archive: RawArchive, now: datetime) -> int:
    """Delete files that no row names and nobody can still be writing, and days that are empty."""
    root, gone = archive.root / str(current_tenant(conn)), 0
    for folder in sorted(path for path in root.glob("????-??-??") if path.is_dir()):
        old = {path for path in folder.iterdir() if now.timestamp() - path.stat().st_mtime > ABANDONED_S}
        gone += unlink(conn, archive, {str(path.relative_to(archive.root)) for path in old})
        if not any(folder.iterdir()):
            folder.rmdir()
    return gone
