"""The line of a TOML file on which a value stands: the library's parser keeps none, so it is asked by prefixes.

A file cut after any line parses again, unless it is cut inside a value that runs over several lines; those are lists,
which a bracket closes, and long strings, which are skipped. What stands in the file's first n lines stands in longer
cuts too, so the first line that brings a value is found by halving.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

Place = tuple[int | str, ...]
"""Keys and positions, counted from 0, that lead to a value."""

CLOSING = ("", "\n]", "\n]}", "\n]}]", "\n]}}]", "\n]]")


def line_of(text: str, place: Place) -> int | None:
    """Return the line, counted from 1, where the value begins; of one that is not there, where what holds it begins."""
    lines = text.splitlines(keepends=True)
    found = _reached(tomllib.loads(text), place)
    if not found:
        return None
    low, high = 1, len(lines)
    while low < high:
        middle = (low + high) // 2
        if len(_reached(_cut(lines, middle), found)) == len(found):
            high = middle
        else:
            low = middle + 1
    return low


def _cut(lines: Sequence[str], count: int) -> Any:
    """Parse the file's first lines, or as few more as make sense by themselves."""
    for end in range(count, len(lines) + 1):
        text = "".join(lines[:end])
        for closing in CLOSING:
            try:
                return tomllib.loads(text + closing)
            except tomllib.TOMLDecodeError:
                continue
    return {}


def _reached(told: Any, place: Place) -> Place:
    """Return how far a place leads in what was read."""
    for at, part in enumerate(place):
        if isinstance(told, dict) and part in told:
            told = told[str(part)]
        elif isinstance(told, list) and isinstance(part, int) and part < len(told):
            told = told[part]
        else:
            return place[:at]
    return place
