"""A small disk that can be filled: a tmpfs of its own, which only root may mount."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BALLAST, BLOCK_BYTES = "ballast", 4096


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted disk; ``is_small`` is False where it is a plain folder that cannot be filled."""

    root: Path
    is_small: bool

    def fill(self) -> None:
        """Leave not a block free, whoever else takes some meanwhile."""
        with (self.root / BALLAST).open("wb") as file:
            told = os.statvfs(self.root)
            size, step = 0, told.f_bavail * told.f_frsize
            while step >= BLOCK_BYTES:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2

    def empty(self) -> None:
        """Give the room back."""
        (self.root / BALLAST).unlink(missing_ok=True)


@contextmanager
def mounted(root: Path, size_mb: int) -> Iterator[Disk]:
    """Mount a small disk, or make a plain folder where nobody may mount."""
    root.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0755", "nightporter-chaos", str(root)],
        capture_output=True, check=False,
    )  # fmt: skip
    is_small = done.returncode == 0
    try:
        yield Disk(root, is_small)
    finally:
        if is_small:
            # Lazily: a server that is still ending may hold a file.
            subprocess.run(["umount", "--lazy", str(root)], check=False)
