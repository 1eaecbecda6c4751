"""What lies in the archive: compared with its checksums, mended from the copy, put back into the database."""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError

from python_nodes import log
from python_nodes.archive import parquet_file
from python_nodes.archive.bucket import Bucket
from python_nodes.errors import NotFoundError, PermanentError
from python_nodes.steps import archive, archive_admin
from python_nodes.steps.services import Services
from python_nodes.store import archives, old_rows
from python_nodes.store.archives import Archive
from python_nodes.store.old_entities import ARCHIVED

LIVING = frozenset({"archived", "loaded"})


def load(
    services: Services, tenant_id: int, entity: str, month: date | None, as_of: datetime
) -> dict[str, Any]:  # fmt: skip
    """Put the rows of an entity's archived files back, of one month or of all; a damaged file is refused by itself."""
    with log.stage("archive_load", tenant_id=tenant_id, entity=entity) as facts, archive.alone(services, tenant_id):
        with services.database.tenant(tenant_id) as conn:
            files = [
                one for one in archives.listed(conn, archive_admin.known(entity), month) if one.state == "archived"
            ]
        if not files:
            which = entity if month is None else f"{entity} of {month:%Y-%m}"
            raise NotFoundError(f"archive: nothing of {which} is archived: `nightporter archive list` tells what is")
        back = sum(_put_back(services, tenant_id, one, as_of) for one in files)
        result = {"files": len(files), "rows": sum(one.row_count for one in files), "put_back": back}
        facts.update(result)
    return result


def _put_back(services: Services, tenant_id: int, one: Archive, as_of: datetime) -> int:
    path = _whole(services, one)
    hold_until = as_of + timedelta(days=services.life.retention.loaded_days)
    with tempfile.TemporaryDirectory(prefix="nightporter-archive-") as folder:
        table = Path(folder) / "rows.csv"
        parquet_file.read(path, table)
        try:
            with services.database.tenant(tenant_id) as conn:
                back = old_rows.put_back(conn, ARCHIVED[one.entity], parquet_file.columns(path), table)
                archives.loaded(conn, one.archive_id, services.clock(), hold_until)
        except (IntegrityError, DataError) as error:
            raise PermanentError(
                f"archive: {one.path} (schema {one.schema_version}) does not fit the database as it is:"
                f" {str(error.orig).splitlines()[0]}", status=409,
            ) from None  # fmt: skip
    return back


def verify(services: Services, tenant_id: int, *, mend: bool = False, copies: bool = False) -> dict[str, Any]:
    """Compare every file with its checksum; ``mend`` puts the copy in a damaged one's place, ``copies`` reads them all.

    Returns how many are whole and a line for each that is not.
    """
    with services.database.tenant(tenant_id) as conn:
        files = [one for one in archives.listed(conn) if one.state in LIVING]
    mended, wrong = 0, []
    for one in files:
        path = services.life.root / one.path
        fault = parquet_file.fault(path, archive.of(one))
        only_there = not path.exists() and not services.life.keeps_local and one.exported_at is not None
        try:
            if fault is not None and not only_there:
                if not mend:
                    raise archive.damaged(one, fault, _copy(services, one))
                _fetch(services, one, path, fault)
                mended += 1
            if copies and one.exported_at is not None:
                with tempfile.TemporaryDirectory(prefix="nightporter-archive-") as folder:
                    _fetch(services, one, Path(folder) / "copy.parquet", "its copy")
        except PermanentError as error:
            wrong.append(str(error))
    return {"files": len(files), "whole": len(files) - len(wrong), "mended": mended, "wrong": wrong}


def _whole(services: Services, one: Archive) -> Path:
    """Return a file that is what was written, fetched where it is only in the bucket; else refuse it."""
    path = services.life.root / one.path
    fault = parquet_file.fault(path, archive.of(one))
    if fault is not None and not path.exists() and not services.life.keeps_local:
        _fetch(services, one, path, fault)
        fault = None
    if fault is not None:
        raise archive.damaged(one, fault, _copy(services, one))
    return path


def _copy(services: Services, one: Archive) -> str | None:
    bucket = services.life.bucket
    return None if bucket is None or one.exported_at is None else Bucket(bucket).place(one.path)


def _fetch(services: Services, one: Archive, path: Path, fault: str) -> None:
    bucket = services.life.bucket
    if bucket is None or one.exported_at is None:
        raise archive.damaged(one, fault, None)
    Bucket(bucket).fetch(one.path, path, archive.of(one))
