"""Kinds of import: one file each, found by its name. A kind says which fields it knows and what it makes of them."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import cast

from python_nodes.errors import PermanentError
from python_nodes.imports.fields import Kind


@cache
def discover() -> dict[str, Kind]:
    """Every kind by its name."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {kind.name: kind for kind in map(_kind, modules)}


def get(name: str) -> Kind:
    """Return one kind; an unknown name is refused with those that exist."""
    known = discover()
    if name not in known:
        raise PermanentError(f"kind: {name[:40]!r} is none of {', '.join(known)}", status=422, field="kind")
    return known[name]


def _kind(module: ModuleType) -> Kind:
    return cast(Kind, module.KIND)
