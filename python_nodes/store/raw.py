"""The raw archive: one file a payload, named by its content, written before anything parses it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, select, text

from python_nodes.errors import NotFoundError
from python_nodes.store.session import current_tenant
from python_nodes.store.tables import raw_index

SYNCED_AT_ONCE = 8
"""A file system commits what several wait for in one go: eight files at a time take a quarter of eight in turn."""

_INDEX = text(
    "INSERT INTO raw_index (source, operation, path, sha256, size_bytes, content_type, fetched_at)"
    " SELECT :source, t.operation, t.path, decode(t.sha256, 'hex'), t.size_bytes, t.content_type, t.fetched_at"
    " FROM unnest(cast(:operations AS text[]), cast(:paths AS text[]), cast(:digests AS text[]),"
    " cast(:sizes AS bigint[]), cast(:types AS text[]), cast(:moments AS timestamptz[]))"
    " AS t (operation, path, sha256, size_bytes, content_type, fetched_at)"
    " ON CONFLICT (tenant_id, source, operation, path) DO UPDATE SET content_type = EXCLUDED.content_type"
    " RETURNING id, operation, path"
)


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


def _write(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
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
    """Files under ``root/<tenant>/<yyyy-mm-dd>/<sha256>``, indexed in ``raw_index``."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

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
        digests = [hashlib.sha256(one.content).hexdigest() for one in payloads]
        tenant = Path(str(current_tenant(conn)))
        days = [one.fetched_at.astimezone(UTC).date().isoformat() for one in payloads]
        paths = [tenant / day / digest for day, digest in zip(days, digests, strict=True)]
        self._keep({path: one.content for path, one in zip(paths, payloads, strict=True)})
        keys = [(one.operation, str(path)) for one, path in zip(payloads, paths, strict=True)]
        # The same payload may come twice in one batch, and a statement may touch a row but once.
        rows = {key: number for number, key in enumerate(keys)}.items()
        told = {
            "source": source,
            "operations": [operation for (operation, _), _ in rows],
            "paths": [path for (_, path), _ in rows],
            "digests": [digests[number] for _, number in rows],
            "sizes": [len(payloads[number].content) for _, number in rows],
            "types": [payloads[number].content_type for _, number in rows],
            "moments": [payloads[number].fetched_at for _, number in rows],
        }
        ids = {(row.operation, row.path): int(row.id) for row in conn.execute(_INDEX, told)}
        return [ids[key] for key in keys]

    def _keep(self, contents: Mapping[Path, bytes]) -> None:
        """Write what is not there yet, then make all of it durable."""
        missing = [(path, content) for path, content in contents.items() if not (self.root / path).exists()]
        folders = {path.parent for path in contents}
        for folder in folders:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(max_workers=max(1, min(SYNCED_AT_ONCE, len(missing)))) as pool:
            # Taken from the map, for only so is a failure told.
            deque(pool.map(lambda one: _write(self.root / one[0], one[1]), missing), maxlen=0)
        # Also where nothing was missing: what is there may be another poll's, which has not come so far yet.
        for known in sorted({above for folder in folders for above in (folder, *folder.parents)}, reverse=True):
            _sync_folder(self.root / known)

    def get(self, conn: Connection, raw_id: int) -> bytes:
        """Return the payload as it came; NotFoundError if this tenant has no such id."""
        path: str | None = conn.execute(select(raw_index.c.path).where(raw_index.c.id == raw_id)).scalar_one_or_none()
        if path is None:
            raise NotFoundError(f"raw payload {raw_id} does not exist")
        return (self.root / path).read_bytes()
