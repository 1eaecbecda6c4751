"""Reads how long data is kept: our own file, and what an operator's says otherwise."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from python_nodes.domain.retention import Retention
from python_nodes.errors import ConfigError

DEFAULT_PATH = Path(__file__).parent.parent / "data" / "retention.toml"
LEAST_DAYS = 30
_TABLES = ("archive", "delete", "raw")
_PLAIN = ("guest_days", "archive_days", "loaded_days")


def load(path: Path | None, least: Mapping[str, int]) -> Retention:
    """Read ``path`` over our own file; ``least`` names the entities that must be kept so many days at least."""
    own = _read(DEFAULT_PATH)
    told = own if path is None else _read(path)
    days = {name: number for table in _TABLES for name, number in own[table].items()}
    for table in _TABLES:
        for name, number in told.get(table, {}).items():
            if name not in own[table]:
                raise ConfigError(f"{path}: [{table}] {name}: there are {', '.join(sorted(own[table]))}")
            usual = 1 if table == "raw" else LEAST_DAYS
            days[name] = _days(number, f"{path}: [{table}] {name}", max(usual, least.get(name, 0)))
    unknown = sorted(set(told) - {*_TABLES, *_PLAIN})
    if unknown:
        raise ConfigError(f"{path}: {unknown[0]}: there are {', '.join((*_PLAIN, *_TABLES))}")
    plain = {name: _days(told.get(name, own[name]), f"{path}: {name}", 1) for name in _PLAIN}
    for name in own["archive"]:
        if days[name] >= plain["archive_days"]:
            raise ConfigError(
                f"{path or DEFAULT_PATH}: {name}: kept {days[name]} days, it would be deleted as it is archived, for"
                f" archive_days is {plain['archive_days']}"
            )
    raw_days = {name: days.pop(name) for name in own["raw"]}
    return Retention(
        keep_days=days, raw_days=raw_days, guest_days=plain["guest_days"], archive_days=plain["archive_days"],
        loaded_days=plain["loaded_days"],
    )  # fmt: skip


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def _days(number: object, place: str, least: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or (number != 0 and number < least):
        raise ConfigError(f"{place}: {number!r} is no number of days; it takes 0 (for ever) or at least {least}")
    return number
