"""Disks that are soon full, for what must survive one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Lay a disk of that size over an existing folder; skip for whoever may not."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False)
    if made.returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def filled(folder: Path) -> Path:
    """Take what room there is; what is returned gives it back once it is removed."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb") as into:
        while True:
            into.write(bytes(1 << 12))
            into.flush()
    return filler
