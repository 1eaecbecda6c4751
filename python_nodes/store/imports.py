"""How each source's files are read, and which files were read so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects.postgresql import insert

from python_nodes.domain.imports import ImportSource
from python_nodes.errors import NotFoundError
from python_nodes.store.tables import import_runs, import_sources


def save(conn: Connection, source: ImportSource, *, at: datetime) -> None:
    """Insert a source or, by name, replace it."""
    told = asdict(source)
    row = {"decimal_sign": told.pop("decimal"), **told, "updated_at": at}
    statement = insert(import_sources).values(row)
    changed = {name: statement.excluded[name] for name in row if name != "name"}
    conn.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "name"], set_=changed))


def get(conn: Connection, name: str) -> ImportSource:
    """Return one source or raise NotFoundError."""
    row = conn.execute(select(import_sources).where(import_sources.c.name == name)).mappings().first()
    if row is None:
        raise NotFoundError(f"import source {name[:60]!r} does not exist")
    return _source(row)


def every(conn: Connection) -> list[ImportSource]:
    """Return every source by name."""
    query = select(import_sources).order_by(import_sources.c.name)
    return [_source(row) for row in conn.execute(query).mappings()]


def reading(source: ImportSource, span: tuple[object, object]) -> bytes:
    """A digest of all that decides what a file's rows become, beside its content."""
    told = {name: value for name, value in asdict(source).items() if name != "file_pattern"}
    return hashlib.sha256(json.dumps([told, *map(str, span)], sort_keys=True).encode()).digest()


def done(conn: Connection, source: str, content: bytes, how: bytes) -> dict[str, Any] | None:
    """Return the report of the same content read the same way before, if there is one."""
    r = import_runs.c
    query = select(r.report).where(
        r.source_name == source, r.content_sha256 == hashlib.sha256(content).digest(), r.reading_sha256 == how
    )
    found: dict[str, Any] | None = conn.execute(query).scalar_one_or_none()
    return found


def finish(
    conn: Connection, source: str, file: str, content: bytes, how: bytes, raw_id: int, as_of: datetime,
    report: Mapping[str, Any],
) -> None:  # fmt: skip
    """Note that a file was read to its end."""
    row = {
        "source_name": source, "file": file, "content_sha256": hashlib.sha256(content).digest(),
        "reading_sha256": how, "raw_id": raw_id, "as_of_at": as_of, "report": dict(report),
    }  # fmt: skip
    conn.execute(insert(import_runs).values(row).on_conflict_do_nothing())


def _source(row: RowMapping) -> ImportSource:
    return ImportSource(
        name=row["name"], kind=row["kind"], channel=row["channel"], columns=row["columns"],
        date_format=row["date_format"], decimal=row["decimal_sign"], currency=row["currency"], sheet=row["sheet"],
        scale=row["scale"], file_pattern=row["file_pattern"],
    )  # fmt: skip
