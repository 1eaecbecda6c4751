"""Vendors: who supplies the API. One folder each, found by its name; nothing is registered by hand."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from python_nodes.errors import ConfigError
from python_nodes.vendors.capabilities import Capabilities, read_capabilities

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's parts: its client class, its pure mapping functions and what it says it can do."""

    name: str
    client: type[Any]
    mapping: ModuleType
    capabilities: Capabilities


def discover() -> list[str]:
    """Names of all vendors: the folders that say what they can do."""
    return sorted(path.parent.name for path in _HERE.glob("*/capabilities.toml"))


@cache
def load(name: str) -> Vendor:
    """Import one vendor; an unknown name is refused with the names that exist."""
    known = discover()
    if name not in known:
        raise ConfigError(f"unknown vendor {name[:40]!r}; known: {', '.join(known)}")
    package = f"{__name__}.{name}"
    client = importlib.import_module(f"{package}.client")
    mapping = importlib.import_module(f"{package}.mapping")
    return Vendor(name, client.Client, mapping, read_capabilities(_HERE / name / "capabilities.toml"))
