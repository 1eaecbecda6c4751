"""The raw archive: what came as it came, written before anything parses it, one file for all that came together."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Row, text

from python_nodes.errors import NotFoundError
from python_nodes.store import guest_words
from python_nodes.store.session import current_tenant
from python_nodes.store.tenant_keys import OVERHEAD_BYTES, KeyRings

_KNOWN = text(
    "SELECT operation, path FROM raw_index"
    " WHERE source = :source AND operation = ANY(:operations) AND path = ANY(:paths)"
)
_PLACE = text(
    "SELECT path, pack, offset_bytes, coalesce(stored_bytes, size_bytes) AS stored_bytes, sealed_by"
    " FROM raw_index WHERE id = :id"
)
_INDEX = text(
    "INSERT INTO raw_index"
    " (source, operation, path, pack, offset_bytes, sha256, size_bytes, content_type, fetched_at, stored_bytes,"
    " sealed_by) SELECT :source, t.operation, t.path, t.pack, t.offset_bytes, decode(t.sha256, 'hex'), t.size_bytes,"
    " t.content_type, t.fetched_at, t.size_bytes + :overhead, 'tenant'"
    " FROM unnest(cast(:operations AS text[]), cast(:paths AS text[]), cast(:packs AS text[]),"
    " cast(:offsets AS bigint[]), cast(:digests AS text[]), cast(:sizes AS bigint[]), cast(:types AS text[]),"
    " cast(:moments AS timestamptz[]))"
    " AS t (operation, path, pack, offset_bytes, sha256, size_bytes, content_type, fetched_at)"
    # What another process kept meanwhile stays where that one has put it.
    " ON CONFLICT (tenant_id, source, operation, path) DO UPDATE SET content_type = EXCLUDED.content_type"
    " RETURNING id, operation, path"
)

Seal = Callable[[bytes], bytes]


class Payload(Protocol):
    """What came from a vendor, a person or a file, as it came."""

    @property
    def operation(self) -> str:
        """What was asked for."""
        ...

    @property
    def content(self) -> bytes:
        """The bytes themselves."""
        ...

    @property
    def content_type(self) -> str:
        """What the sender says they are."""
        ...

    @property
    def fetched_at(self) -> datetime:
        """When they came."""
        ...


@dataclass(frozen=True, slots=True)
class _Alone:
    """A payload that comes by itself."""

    operation: str
    content: bytes
    content_type: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the index calls a payload."""

    operation: str
    digest: str
    path: str

    @classmethod
    def of(cls, tenant: Path, payload: Payload) -> _Kept:
        digest = hashlib.sha256(payload.content).hexdigest()
        day = payload.fetched_at.astimezone(UTC).date().isoformat()
        return cls(payload.operation, digest, str(tenant / day / digest))


def _write(path: Path, contents: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(contents)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """A rename, as a new folder, is durable only once the folder that holds it is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RawArchive:
    """Files under ``root/<tenant>/<yyyy-mm-dd>/``, indexed in ``raw_index``.

    What comes together is one file, a *pack*: thousands of answers then cost one wait for the disk, not one each.
    ``raw_index.path`` is what a payload is called, by its day and SHA-256; ``pack`` and ``offset_bytes`` say where it
    lies. Without a pack it is a file of that name, as those that came alone once were.
    All rest encrypted (ADR 21): ``sealed_by`` is ``tenant`` as they come, ``guests`` once each guest's words are under
    the guest's own key, ``whole`` where they cannot be told apart; null is what came before there were keys.
    """

    def __init__(self, root: Path | str, secret: str) -> None:
        self.root = Path(root)
        self.keys = KeyRings(secret)

    def put(
        self,
        conn: Connection,
        source: str,
        operation: str,
        content: bytes,
        content_type: str,
        fetched_at: datetime,
    ) -> int:
        """Keep a payload and return its id; the same payload of the same day is kept once."""
        return self.put_all(conn, source, [_Alone(operation, content, content_type, fetched_at)])[0]

    def put_all(self, conn: Connection, source: str, payloads: Sequence[Payload]) -> list[int]:
        """Keep payloads and return their ids in the same order; all are durable before any of them is indexed."""
        tenant_id = current_tenant(conn)
        kept = [_Kept.of(Path(str(tenant_id)), one) for one in payloads]
        # The same payload may come twice in one batch, and a statement may touch a row but once.
        rows = list({(one.operation, one.path): number for number, one in enumerate(kept)}.values())
        told: dict[str, object] = {
            "source": source,
            "operations": [kept[n].operation for n in rows],
            "paths": [kept[n].path for n in rows],
        }
        known = {(row.operation, row.path) for row in conn.execute(_KNOWN, told)}
        news = {kept[n].path: n for n in rows if (kept[n].operation, kept[n].path) not in known}
        contents = [(path, payloads[n].content) for path, n in news.items()]
        places = self._keep(contents, self.keys.of(conn, tenant_id).seal) if contents else {}
        nowhere = (None, 0)
        told.update(
            packs=[places.get(kept[n].path, nowhere)[0] for n in rows],
            offsets=[places.get(kept[n].path, nowhere)[1] for n in rows],
            digests=[kept[n].digest for n in rows],
            sizes=[len(payloads[n].content) for n in rows],
            types=[payloads[n].content_type for n in rows],
            moments=[payloads[n].fetched_at for n in rows],
            overhead=OVERHEAD_BYTES,
        )
        ids = {(row.operation, row.path): int(row.id) for row in conn.execute(_INDEX, told)}
        return [ids[one.operation, one.path] for one in kept]

    def _keep(self, contents: Sequence[tuple[str, bytes]], seal: Seal) -> dict[str, tuple[str | None, int]]:
        """Write what is new and make it durable; where each payload lies: its file, and its first byte there."""
        folders: dict[Path, list[tuple[str, bytes]]] = {}
        for path, content in contents:
            folders.setdefault(Path(path).parent, []).append((path, content))
        places: dict[str, tuple[str | None, int]] = {}
        for members in folders.values():
            pack = place_for([path for path, _ in members])
            self.write(pack, (seal(content) for _, content in members))
            ends = accumulate(len(content) + OVERHEAD_BYTES for _, content in members)
            places |= {
                path: (pack, end - len(content) - OVERHEAD_BYTES)
                for (path, content), end in zip(members, ends, strict=True)
            }
        return places

    def write(self, place: str, contents: Iterable[bytes]) -> None:
        """Write a file and make it durable, with the folders that hold it."""
        (self.root / place).parent.mkdir(parents=True, exist_ok=True)
        _write(self.root / place, contents)
        for known in (Path(place).parent, *Path(place).parent.parents):
            _sync_folder(self.root / known)

    def get(self, conn: Connection, raw_id: int) -> bytes:
        """Return the payload as it came, but for guests who are erased; NotFoundError if this tenant has no such id."""
        row = self._row(conn, raw_id)
        try:
            opened = self._opened(conn, row)
        except FileNotFoundError:
            # It was moved to another file since the row was read.
            row = self._row(conn, raw_id)
            opened = self._opened(conn, row)
        return guest_words.put_back(conn, self.keys.of(conn), opened) if row.sealed_by == "guests" else opened

    @staticmethod
    def _row(conn: Connection, raw_id: int) -> Row[Any]:
        row = conn.execute(_PLACE, {"id": raw_id}).one_or_none()
        if row is None:
            raise NotFoundError(f"raw payload {raw_id} does not exist")
        return row

    def parted(self, conn: Connection, raw_ids: Sequence[int]) -> dict[int, bytes]:
        """Return those of the payloads that are parted by guest, as ``guest_words`` keeps them."""
        rows = [conn.execute(_PLACE, {"id": raw_id}).one_or_none() for raw_id in raw_ids]
        known = {raw_id: row for raw_id, row in zip(raw_ids, rows, strict=True) if row is not None}
        return {raw_id: self._opened(conn, row) for raw_id, row in known.items() if row.sealed_by == "guests"}

    def _opened(self, conn: Connection, row: Row[Any]) -> bytes:
        with (self.root / (row.pack or row.path)).open("rb") as stream:
            stream.seek(row.offset_bytes)
            kept = stream.read(row.stored_bytes)
        return kept if row.sealed_by is None else self.keys.of(conn).open(kept)


def place_for(paths: Sequence[str]) -> str:
    """A new file's name: of one payload its own, of several theirs together; never the same twice.

    So a file whose payloads have moved to another can be deleted at any time: nobody is writing it anew.
    """
    first, once = Path(paths[0]), secrets.token_hex(8)
    named = first.name if len(paths) == 1 else hashlib.sha256("".join(paths).encode()).hexdigest()
    return str(first.with_name(f"{named}.{once}"))
