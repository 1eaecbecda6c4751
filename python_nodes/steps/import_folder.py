"""The watched folder: what lies in it is imported by the source whose pattern its name fits, then put away."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from python_nodes import log
from python_nodes.domain.imports import ImportSource
from python_nodes.errors import PermanentError, RetryableError
from python_nodes.steps import import_file
from python_nodes.steps.import_file import Order
from python_nodes.steps.services import Services
from python_nodes.store import imports

DONE, FAILED = "done", "failed"
UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")


def scan(services: Services, tenant_id: int, as_of: datetime, *, is_news: bool = True) -> dict[str, Any]:
    """Import every file, in order of its name; one that cannot be read is put aside and holds up no other.

    While another scan is at it, there is nothing to do: that one tells what it finds.
    """
    folder = services.imports.folder
    if folder is None or tenant_id != services.home_id:
        # Another tenant's patterns could fit what was put there for us.
        return {"files": [], "imported": 0, "failed": 0}
    if not folder.is_dir():
        raise RetryableError(f"import folder: {folder} is not there")
    with log.stage("import_scan", tenant_id=tenant_id) as facts, _alone(folder) as is_alone:
        with services.database.tenant(tenant_id) as conn:
            sources = imports.every(conn)
        waiting = _waiting(folder) if is_alone else []
        done = [_one(services, tenant_id, path, sources, as_of, is_news=is_news) for path in waiting]
        failed = sum(one["status"] == FAILED for one in done)
        facts.update(imported=len(done) - failed, failed=failed)
    return {"files": done, "imported": len(done) - failed, "failed": failed}


def _waiting(folder: Path) -> list[Path]:
    """Whole files only: what is hidden or still being written has a name that says so."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith((".", "~")) and path.suffix.lower() not in UNFINISHED
    )


def _one(
    services: Services, tenant_id: int, path: Path, sources: Sequence[ImportSource], as_of: datetime, *, is_news: bool
) -> dict[str, Any]:
    try:
        name = _source_of(path.name, sources)
        if path.stat().st_size > services.imports.max_bytes:
            raise PermanentError(f"{path.name}: more than {services.imports.max_bytes} bytes", status=413, field="file")
        order = Order(file=path.name, content=path.read_bytes())
        report = {"status": DONE, **import_file.run(services, tenant_id, name, order, as_of, is_news=is_news)}
    except PermanentError as error:
        report = {"status": FAILED, "file": path.name, "reason": str(error)}
    _put_away(path, as_of, report)
    kept = ("status", "file", "source", "rows", "stored", "unchanged", "rejected", "already_imported", "reason")
    return {one: report[one] for one in kept if one in report}


def _source_of(name: str, sources: Sequence[ImportSource]) -> str:
    fits = [one.name for one in sources if one.file_pattern and fnmatchcase(name, one.file_pattern)]
    if len(fits) != 1:
        told = f"the patterns of {', '.join(fits)} all fit" if fits else "no import source has a pattern that fits"
        raise PermanentError(f"{name}: {told}", status=422, field="file")
    return fits[0]


def _put_away(path: Path, as_of: datetime, report: dict[str, Any]) -> None:
    target = path.parent / report["status"]
    target.mkdir(exist_ok=True)
    stem, number = f"{as_of:%Y%m%dT%H%M%S}-{path.name}", 0
    while (target / stem).exists():
        number += 1
        stem = f"{as_of:%Y%m%dT%H%M%S}-{number}-{path.name}"
    (target / f"{stem}.report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    path.rename(target / stem)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Tell whether no other scan is at it, and keep others from it; the lock goes with its process."""
    with (folder / ".scan.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
