"""The patterns and words that recognisers look for, read from a file: there is nothing in them but languages."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent.parent / "data"


@cache
def _told() -> dict[str, str]:
    return tomllib.loads((_DATA / "personal_patterns.toml").read_text(encoding="utf-8"))


@cache
def pattern(name: str) -> re.Pattern[str]:
    """One pattern, by name."""
    return re.compile(_told()[name].replace("\n", ""))


@cache
def words(name: str) -> frozenset[str]:
    """Words of a list within the same file, by name."""
    return frozenset(_told()[name].split())


@cache
def listed(file: str) -> frozenset[str]:
    """Words of a file of their own, without regard to case."""
    lines = (_DATA / file).read_text(encoding="utf-8").splitlines()
    return frozenset(word.casefold() for line in lines if not line.startswith("#") for word in line.split())
