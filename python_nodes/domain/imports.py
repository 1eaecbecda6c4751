"""What an operator's files look like: where each field of a kind of import stands, and how values are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DecimalSign = Literal[".", ","]
PREFIX = "import:"
"""Leads the ``source`` of whatever came by a file, before the import source's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """One sort of file of one operator, saved by name.

    ``columns`` maps a kind's fields to the file's column names. ``channel`` holds where no column names one;
    ``date_format`` is made of ``YYYY``, ``MM``, ``MMM``, ``DD``; ``scale`` is the best possible review score.
    ``file_pattern`` says which files of the watched folder are of this source.
    """

    name: str
    kind: str
    channel: str | None
    columns: Mapping[str, str]
    date_format: str = "YYYY-MM-DD"
    decimal: DecimalSign = "."
    currency: str | None = None
    sheet: str | None = None
    scale: float = 10.0
    file_pattern: str | None = None

    @property
    def source(self) -> str:
        """How records and metric points name where they come from."""
        return f"{PREFIX}{self.name}"
