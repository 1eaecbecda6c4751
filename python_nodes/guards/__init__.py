"""Guards: what needs no statistics. One file each, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import cast

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs

Check = Callable[[GuardInputs], list[Anomaly]]


def discover() -> dict[str, Check]:
    """Return every guard by its NAME: the modules of this package that have NAME and check."""
    found: dict[str, Check] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        name, check = getattr(module, "NAME", None), getattr(module, "check", None)
        if isinstance(name, str) and callable(check):
            found[name] = cast(Check, check)
    return found
