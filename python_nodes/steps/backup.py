"""A backup of everything, its check, and its way back into an empty system."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from python_nodes.backup import databases, files, manifest, series
from python_nodes.backup.manifest import DatabasePart, FilesPart, Manifest, Progress, SeriesPart
from python_nodes.domain.metrics import MetricStore
from python_nodes.errors import PermanentError
from python_nodes.store import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What a backup is of: its own database first, then others'; where raw payloads lie; keys by what they are called.

    ``series`` is the store of metrics where that is not PostgreSQL.
    """

    admin_url: str = field(repr=False)
    database: str
    beside: tuple[str, ...]
    raw_root: Path
    archive_root: Path
    keys: Mapping[str, str] = field(repr=False)
    series: MetricStore | None = None
    release: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What is back; ``roles`` must be given a password before they can log in."""

    manifest: Manifest
    schema: str
    roles: tuple[str, ...]


_LISTINGS = text(
    "SELECT tenant_id, array_agg(id ORDER BY id) FROM public.listings GROUP BY tenant_id ORDER BY tenant_id"
)


def write(system: System, folder: Path, made_at: datetime, progress: Progress) -> Manifest:
    """Write a backup into a folder that is not there yet; one that is cut off leaves nothing that looks like one."""
    if folder.exists():
        raise PermanentError(f"{folder} is there already: a backup is written into a folder of its own")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    try:
        made = _write(system, part, made_at, progress)
        manifest.save(part, made)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    part.rename(folder)
    return made


def _write(system: System, folder: Path, made_at: datetime, progress: Progress) -> Manifest:
    with ExitStack() as stack:
        conns = {
            name: stack.enter_context(databases.connected(system.admin_url, name))
            for name in (system.database, *system.beside)
        }
        own = conns[system.database]
        dumped = {}
        for number, (name, conn) in enumerate(conns.items(), start=1):
            progress("databases", number - 1, len(conns))
            file = folder / f"{name}.dump.zst"
            databases.dump(system.admin_url, name, databases.snapshot(conn), file)
            dumped[name] = DatabasePart(manifest.part(file), databases.tables(conn))
            progress("databases", number, len(conns))
        told = {} if system.series is None else _series(system.series, own.execute(_LISTINGS).all(), folder, progress)
        # After the databases: payloads are only ever added, and one is there before anything names it.
        raw = _packed(system.raw_root, files.RAW, folder / "raw.tar.zst", progress)
        old = _packed(system.archive_root, files.OLD, folder / "archive.tar.zst", progress)
        return Manifest(
            made_at=made_at.isoformat(), release=system.release, schema=schema.of(own) or "",
            postgresql=databases.version(own), databases=dumped, roles=databases.roles(own),
            raw=raw, archive=old,
            keys={name: manifest.fingerprints(key) for name, key in system.keys.items()}, series=told,
        )  # fmt: skip


def _packed(root: Path, kept: re.Pattern[str], file: Path, progress: Progress) -> FilesPart:
    count, size = files.pack(root, kept, file, progress)
    return FilesPart(manifest.part(file), count, size)


def _series(store: MetricStore, listings: Sequence[Any], folder: Path, progress: Progress) -> dict[str, SeriesPart]:
    told = {}
    for tenant_id, ids in listings:
        file = folder / f"metrics-{tenant_id}.parquet"
        rows = series.write(store, tenant_id, ids, file, progress)
        values, count = store.count(tenant_id)
        told[str(tenant_id)] = SeriesPart(manifest.part(file), rows, values, count)
    return told


def verify(folder: Path, progress: Progress) -> Manifest:
    """Read all of a backup and hold it against its checksums."""
    told = manifest.load(folder)
    manifest.check(folder, told, progress)
    return told


def restore(
    system: System, folder: Path, prepare: Callable[[], str], progress: Progress, *, may_migrate: bool = False
) -> Restored:
    """Put a backup into an empty system and compare every table and every payload; all that speaks against it is
    said before anything is written.

    ``prepare`` makes the roles and the empty databases and returns the owner's address, by which an older schema is
    migrated where that may be done.
    """
    told = verify(folder, progress)
    _fits(told, system, folder, may_migrate=may_migrate)
    _empty(told, system)
    owner_url = prepare()
    new_roles = databases.make_roles(system.admin_url, told.roles)
    for number, (name, one) in enumerate(told.databases.items()):
        progress("databases", number, len(told.databases))
        with databases.connected(system.admin_url) as conn:
            is_there = databases.exists(conn, name)
        if not is_there:
            databases.make_database(system.admin_url, name)
        databases.load(system.admin_url, name, folder / one.dump.file)
        _compare(system.admin_url, name, one)
    progress("databases", len(told.databases), len(told.databases))
    _unpack(told.raw, files.RAW, folder, system.raw_root, progress)
    _unpack(told.archive, files.OLD, folder, system.archive_root, progress)
    _tell_series(system, told, folder, progress)
    if told.schema < schema.needed():
        # The migration tool takes longest of all to import, and few restores need it.
        from python_nodes.store import migrate

        migrate.upgrade(owner_url)
    return Restored(told, schema.needed(), tuple(new_roles))


def _unpack(one: FilesPart, kept: re.Pattern[str], folder: Path, root: Path, progress: Progress) -> None:
    found = files.unpack(folder / one.packed.file, kept, root, one.files, progress)
    if found != (one.files, one.size_bytes):
        raise PermanentError(f"{one.packed.file} came back as {found[0]} files where {one.files} were written")


def _fits(told: Manifest, system: System, folder: Path, *, may_migrate: bool) -> None:
    """Refuse what this release, this server or these keys cannot make use of."""
    needed = schema.needed()
    if told.schema > needed:
        raise PermanentError(
            f"{folder} has schema {told.schema} and this release knows {needed}: restore it with {told.release}"
        )
    if told.schema < needed and not may_migrate:
        raise PermanentError(
            f"{folder} has the older schema {told.schema} and this release needs {needed}: give --migrate, which "
            f"restores it and then brings it to {needed}, or restore it with release {told.release}"
        )
    with databases.connected(system.admin_url) as conn:
        if databases.version(conn) < told.postgresql:
            raise PermanentError(f"{folder} is of PostgreSQL {told.postgresql}: restore it on that or a newer one")
    for name, key in system.keys.items():
        if name in told.keys and not manifest.opens(key, told.keys[name]):
            raise PermanentError(
                f"{folder} is encrypted with another {name} than is set here: put the one of that time in its place, or"
                " after it where it may hold several"
            )
    if told.series and system.series is None:
        raise PermanentError(f"{folder} has its metrics apart: set NIGHTPORTER_METRIC_STORE=influx, as it was then")
    if missing := set(told.databases) - {system.database, *system.beside}:
        raise PermanentError(f"{folder} has the database {min(missing)} too: say by --beside which one that is here")


def _empty(told: Manifest, system: System) -> None:
    """Refuse a system that holds anything: what is there might be the only copy."""
    for name in told.databases:
        with databases.connected(system.admin_url) as conn:
            is_there = databases.exists(conn, name)
        if is_there:
            with databases.connected(system.admin_url, name) as conn:
                if held := databases.tables(conn):
                    raise PermanentError(
                        f"the database {name} holds {len(held)} tables: restore into an empty system, or drop it first "
                        "(docs/runbook.md, Restore)"
                    )
    for root, kept in ((system.raw_root, files.RAW), (system.archive_root, files.OLD)):
        if files.found(root, kept):
            raise PermanentError(f"{root} holds files: restore into an empty folder, or move it away first")


def _compare(admin_url: str, name: str, wanted: DatabasePart) -> None:
    with databases.connected(admin_url, name) as conn:
        found = databases.tables(conn)
    if different := [table for table in {**wanted.tables, **found} if wanted.tables.get(table) != found.get(table)]:
        raise PermanentError(
            f"{name} came back otherwise than it was written, first in {different[0]}: use another backup"
        )


def _tell_series(system: System, told: Manifest, folder: Path, progress: Progress) -> None:
    for tenant, one in told.series.items():
        if system.series is None:
            continue
        series.read(system.series, int(tenant), folder / one.told.file, progress)
        if (found := system.series.count(int(tenant))) != (one.values, one.series):
            raise PermanentError(
                f"the metrics of tenant {tenant} came back as {found[0]} values of {found[1]} series where "
                f"{one.values} of {one.series} were written: was the database of metrics empty?"
            )
