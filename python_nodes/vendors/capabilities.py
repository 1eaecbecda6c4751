"""Reads a vendor's ``capabilities.toml`` and refuses what it does not know, by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import limits

from python_nodes.errors import ConfigError

TRANSPORTS = ("http", "file")
ACCESS = ("read", "write", "webhook")
MAX_HOURS = 24 * 366
OPERATION_KEYS = frozenset({"access", "documented", "assumption", "rate", "window_days", "every_hours"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing a vendor can do; exactly one of ``documented`` and ``assumption`` says where that is known from."""

    name: str
    access: str
    documented: str | None
    assumption: str | None
    rate: str
    window_days: int | None = None
    """How many days a backfill asks for at once, if not a month: more where each property is asked by itself."""
    every_hours: int = 0
    """How often it is worth a poll: once in each such stretch of time, as 24 is once a UTC day; 0 is each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a vendor can do, by operation; ``channels`` it speaks for, the first by default, none for every channel."""

    title: str
    channels: tuple[str, ...]
    transport: Literal["http", "file"]
    operations: dict[str, Operation]

    def rates(self, vendor: str, overrides: Any) -> dict[str, str]:
        """Rates by operation; ``*`` overrides all, an unknown operation is refused by name."""
        if not isinstance(overrides, Mapping):
            raise ConfigError(f"{vendor}: rate_limits must be a table of operation to rate")
        unknown = overrides.keys() - self.operations.keys() - {"*"}
        if unknown:
            raise ConfigError(f"{vendor}: rate_limits names unknown operation {sorted(unknown)[0]!r}")
        return {
            name: check_rate(f"{vendor}: rate_limits.{name}", overrides.get(name, overrides.get("*", operation.rate)))
            for name, operation in self.operations.items()
        }

    def every_hours(self, vendor: str, overrides: Any) -> dict[str, int]:
        """How often each operation is polled; an unknown operation is refused by name."""
        if not isinstance(overrides, Mapping):
            raise ConfigError(f"{vendor}: every_hours must be a table of operation to hours")
        unknown = overrides.keys() - self.operations.keys()
        if unknown:
            raise ConfigError(f"{vendor}: every_hours names unknown operation {sorted(unknown)[0]!r}")
        return {
            name: _hours(f"{vendor}: every_hours.{name}", overrides.get(name, operation.every_hours))
            for name, operation in self.operations.items()
        }


def read_capabilities(path: Path) -> Capabilities:
    """Parse and validate; raises ConfigError naming the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = document.keys() - {"title", "transport", "channels", "operations"}
    if unknown:
        raise ConfigError(f"{path}: unknown key {sorted(unknown)[0]!r}")
    if document.get("transport") not in TRANSPORTS:
        raise ConfigError(f"{path}: transport must be one of {', '.join(TRANSPORTS)}")
    channels = document.get("channels")
    if not isinstance(channels, list) or not all(isinstance(one, str) and one for one in channels):
        raise ConfigError(f"{path}: channels must be a list of channel names; an empty one stands for every channel")
    operations = document.get("operations")
    if not isinstance(operations, dict) or not operations:
        raise ConfigError(f"{path}: operations is missing")
    return Capabilities(
        title=str(document.get("title", path.parent.name)),
        transport=document["transport"],
        channels=tuple(channels),
        operations={name: _operation(path, name, table) for name, table in operations.items()},
    )


def _operation(path: Path, name: str, table: Any) -> Operation:
    where = f"{path}: operations.{name}"
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table")
    unknown = table.keys() - OPERATION_KEYS
    if unknown:
        raise ConfigError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    if table.get("access") not in ACCESS:
        raise ConfigError(f"{where}.access must be one of {', '.join(ACCESS)}")
    if bool(table.get("documented")) == bool(table.get("assumption")):
        raise ConfigError(f"{where} needs exactly one of documented, assumption")
    window_days = table.get("window_days")
    if window_days is not None and (not isinstance(window_days, int) or window_days < 1):
        raise ConfigError(f"{where}.window_days must be a whole number of 1 or more")
    return Operation(
        name=name,
        access=table["access"],
        documented=table.get("documented"),
        assumption=table.get("assumption"),
        rate=check_rate(f"{where}.rate", table.get("rate")),
        window_days=window_days,
        every_hours=_hours(f"{where}.every_hours", table.get("every_hours", 0)),
    )


def _hours(where: str, told: Any) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told <= MAX_HOURS:
        raise ConfigError(f"{where}: must be a whole number of hours from 0, which is each time, to {MAX_HOURS}")
    return told


def check_rate(where: str, rate: Any) -> str:
    """Return ``rate`` if `limits` can read it; raises ConfigError naming ``where``."""
    try:
        limits.parse(rate)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where}: {rate!r} is not a rate such as '1/20 second'") from error
    return str(rate)
