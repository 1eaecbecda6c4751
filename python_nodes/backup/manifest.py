"""What a backup says of itself: its parts with their checksums, and what must be found again after a restore."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from python_nodes.domain.sealing import name_of, split
from python_nodes.errors import PermanentError

FORMAT = 1
FILE = "manifest.json"
SEAL = "manifest.sha256"
CHUNK_BYTES = 1 << 20
Progress = Callable[[str, int, int], None]
"""Told of a part's name, of how much is done and of how much there is to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the backup."""

    file: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Table:
    """How many rows a table has, and the sum of their hashes, whatever their order."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class DatabasePart:
    """One database: its dump, and each table as it was at that moment."""

    dump: Part
    tables: Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class FilesPart:
    """A folder: how many files, and how many bytes of them."""

    packed: Part
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """One tenant's metrics where they are not in PostgreSQL: rows told, and what the store counted."""

    told: Part
    rows: int
    values: int
    series: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All of a backup; ``keys`` holds fingerprints of the keys that something in it is encrypted with, never a key."""

    made_at: str
    release: str
    schema: str
    postgresql: int
    databases: Mapping[str, DatabasePart]
    roles: Mapping[str, tuple[str, ...]]
    raw: FilesPart
    archive: FilesPart
    keys: Mapping[str, str]
    series: Mapping[str, SeriesPart] = field(default_factory=dict)
    format: int = FORMAT

    def parts(self) -> list[Part]:
        """Every file but the manifest itself."""
        dumps = [database.dump for database in self.databases.values()]
        return [*dumps, self.raw.packed, self.archive.packed, *(one.told for one in self.series.values())]


def fingerprints(keys: str) -> str:
    """Tell keys from others without telling them."""
    return ",".join(name_of(key) for key in split(keys))


def opens(keys: str, needed: str) -> bool:
    """Whether all that something was encrypted with, by its fingerprints, is among the keys."""
    return set(needed.split(",")) <= set(fingerprints(keys).split(","))


def digest(path: Path, told: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a file."""
    summary = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            summary.update(chunk)
            told(len(chunk))
    return summary.hexdigest()


def part(path: Path) -> Part:
    """Describe a file that has just been written."""
    return Part(path.name, digest(path), path.stat().st_size)


def save(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its own checksum."""
    text = json.dumps(asdict(manifest), indent=1)
    (folder / FILE).write_text(text, encoding="utf-8")
    (folder / SEAL).write_text(hashlib.sha256(text.encode()).hexdigest() + "\n", encoding="ascii")


def load(folder: Path) -> Manifest:
    """Read the manifest; what is none, or is not as it was written, is refused."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
        seal = (folder / SEAL).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise PermanentError(f"{folder} is no backup: it has no {FILE} and {SEAL} that can be read") from None
    if hashlib.sha256(text.encode()).hexdigest() != seal:
        raise damaged(folder, FILE)
    told: dict[str, Any] = json.loads(text)
    if told["format"] != FORMAT:
        raise PermanentError(
            f"{folder} is of format {told['format']}, which release {told['release']} reads: restore it with that"
        )
    return _built(told)


def check(folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Read every part and compare it with its checksum."""
    parts = manifest.parts()
    total, done = sum(one.size_bytes for one in parts), 0

    def read(count: int) -> None:
        nonlocal done
        done += count
        progress("checksums", done, total)

    for one in parts:
        path = folder / one.file
        if not path.is_file():
            raise PermanentError(f"{folder} lacks {one.file}: copy it from where it was made, or use another backup")
        if path.stat().st_size != one.size_bytes or digest(path, read) != one.sha256:
            raise damaged(folder, one.file)


def damaged(folder: Path, file: str) -> PermanentError:
    """What is said of a file that is not as it was written."""
    return PermanentError(
        f"{folder}/{file} is damaged: it is not what was written. Copy it again from where it was made, or use another "
        "backup; `nightporter backup verify` tells which are whole"
    )


def _built(told: dict[str, Any]) -> Manifest:
    databases, series = told.pop("databases"), told.pop("series")
    raw, archive = (
        FilesPart(**{**one, "packed": Part(**one["packed"])}) for one in (told.pop("raw"), told.pop("archive"))
    )
    return Manifest(
        raw=raw,
        archive=archive,
        databases={
            name: DatabasePart(Part(**one["dump"]), {table: Table(**rows) for table, rows in one["tables"].items()})
            for name, one in databases.items()
        },
        series={tenant: SeriesPart(**{**one, "told": Part(**one["told"])}) for tenant, one in series.items()},
        roles={role: tuple(lines) for role, lines in told.pop("roles").items()},
        **told,
    )
