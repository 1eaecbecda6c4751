"""What a write did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows that were new or changed, and rows that told nothing new."""

    stored: int
    unchanged: int
