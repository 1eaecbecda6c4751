"""Guards: what needs no statistics. One file each, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol, cast

from python_nodes.domain.findings import Anomaly
from python_nodes.domain.inputs import GuardInputs
from python_nodes.guards.settings import DEFAULTS, GuardSettings


class Check(Protocol):
    """One guard: judges all listings at once."""

    def __call__(self, inputs: GuardInputs, settings: GuardSettings = DEFAULTS) -> list[Anomaly]:
        """Return what is wrong now."""
        ...


def discover() -> dict[str, Check]:
    """Return every guard by its NAME: the modules of this package that have NAME and check."""
    found: dict[str, Check] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        name, check = getattr(module, "NAME", None), getattr(module, "check", None)
        if isinstance(name, str) and callable(check):
            found[name] = cast(Check, check)
    return found


def find(inputs: GuardInputs, settings: GuardSettings) -> list[Anomaly]:
    """Return what all guards find."""
    return [anomaly for check in discover().values() for anomaly in check(inputs, settings)]
