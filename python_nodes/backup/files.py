"""Folders as one compressed file each: the raw archive, whose payloads rest encrypted, and old data."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path, PurePosixPath

from python_nodes.backup.manifest import Progress
from python_nodes.backup.zst import LEVEL, ZstdError, ZstdFile
from python_nodes.errors import PermanentError

RAW = re.compile(r"\d+/\d{4}-\d{2}-\d{2}/[0-9a-f]{64}(?:\.(?:pack|[0-9a-f]{16}))?")
"""``<tenant>/<day>/<payloads>``; what else lies there (baselines, a write that was cut off) is made again."""
OLD = re.compile(r"(?:[^/.][^/]*/)*[^/.][^/]*")
"""Any file whose way there has no hidden part: what is being written has."""


def found(root: Path, kept: re.Pattern[str]) -> list[str]:
    """The files under ``root`` that are kept, by name."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if kept.fullmatch(name))


def pack(root: Path, kept: re.Pattern[str], file: Path, progress: Progress) -> tuple[int, int]:
    """Write every file that is kept; returns how many, and their bytes."""
    names, size = found(root, kept), 0
    with ZstdFile(file, "wb", level=LEVEL) as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for number, name in enumerate(names, start=1):
            member = tarfile.TarInfo(name)
            path = root / name
            member.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(member, content)
            size += member.size
            progress(file.name, number, len(names))
    return len(names), size


def unpack(file: Path, kept: re.Pattern[str], root: Path, expected: int, progress: Progress) -> tuple[int, int]:
    """Write every file back; returns how many, and their bytes."""
    count = size = 0
    try:
        with ZstdFile(file, "rb") as source, tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                size += _put(tar, member, kept, root)
                count += 1
                progress(file.name, count, expected)
    except (tarfile.TarError, ZstdError, EOFError):
        raise PermanentError(f"{file} is damaged: use another backup") from None
    return count, size


def _put(tar: tarfile.TarFile, member: tarfile.TarInfo, kept: re.Pattern[str], root: Path) -> int:
    belongs = kept.fullmatch(member.name) is not None and ".." not in PurePosixPath(member.name).parts
    # Plain files only, before anything is looked up: a link would be followed.
    content = tar.extractfile(member) if belongs and member.isreg() and member.sparse is None else None
    if content is None:
        raise PermanentError(f"{member.name} does not belong here: this was not written by `nightporter backup write`")
    whole = content.read()
    path = root / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")
    part.write_bytes(whole)
    part.replace(path)
    return len(whole)
