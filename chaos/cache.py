"""Where `make` keeps what is installed once a machine."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """The cache's folder."""
    return Path(os.environ.get("NIGHTPORTER_CACHE") or str(Path.home() / ".cache" / "nightporter"))
