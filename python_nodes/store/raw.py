"""The raw archive: one file a payload, named by its content, written before anything parses it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.errors import NotFoundError
from python_nodes.store.session import current_tenant
from python_nodes.store.tables import raw_index


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
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
    # The rename itself is durable only once its directory is.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


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
        digest = hashlib.sha256(content)
        day = fetched_at.astimezone(UTC).date().isoformat()
        relative = Path(str(current_tenant(conn))) / day / digest.hexdigest()
        if not (self.root / relative).exists():
            _write(self.root / relative, content)
        row = {
            "source": source, "operation": operation, "path": str(relative), "sha256": digest.digest(),
            "size_bytes": len(content), "content_type": content_type, "fetched_at": fetched_at,
        }  # fmt: skip
        statement = insert(raw_index).values(row)
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "source", "operation", "path"],
            set_={"content_type": statement.excluded.content_type},
        )
        return int(conn.execute(statement.returning(raw_index.c.id)).scalar_one())

    def get(self, conn: Connection, raw_id: int) -> bytes:
        """Return the payload as it came; NotFoundError if this tenant has no such id."""
        path: str | None = conn.execute(select(raw_index.c.path).where(raw_index.c.id == raw_id)).scalar_one_or_none()
        if path is None:
            raise NotFoundError(f"raw payload {raw_id} does not exist")
        return (self.root / path).read_bytes()
