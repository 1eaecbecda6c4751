"""A close look at chosen series: one detector a file, found by name, all with the contract of `contract`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from detectors.inspect.contract import Judged, Subjects

SHARED = frozenset({"contract", "kinds", "subjects", "surprise"})
"""What the detectors are read and written with; every other file here is a detector."""


def discover() -> dict[str, Callable[[Subjects], Judged]]:
    """Return each detector's ``judge`` by its file's name."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__) if found.name not in SHARED)
    return {name: importlib.import_module(f"{__name__}.{name}").judge for name in names}
