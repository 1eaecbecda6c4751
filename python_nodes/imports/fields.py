"""What a kind of import is made of: its fields, and what its rows become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import polars as pl

from python_nodes.domain.columns import RawRow
from python_nodes.domain.imports import ImportSource

FieldType = Literal["text", "day", "moment", "count", "number", "money", "currency", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing a row may tell; ``aliases`` are column names that it is known by, in lower case without signs."""

    name: str
    type: FieldType
    required: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one channel that could be read: ``frame`` has a column ``<field>!`` of its type for each field."""

    frame: pl.DataFrame
    source: str
    settings: ImportSource
    channel: str
    raw_id: int | None
    observed_at: datetime
    raw_row: RawRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of import.

    ``operation`` is what its rejected rows and its recorder are called. ``key`` are the fields by which two rows tell
    of the same thing, ``measures`` those of which one at least must be mapped. ``dated`` is the field that a range of
    dates looks at. ``build`` makes what the recorder stores.
    """

    name: str
    operation: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    dated: str
    measures: tuple[str, ...] = ()
    build: Callable[[Rows], Any]

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((one for one in self.fields if one.name == name), None)


CHANNEL = Field(name="channel", type="text", aliases=("channel", "ota", "site", "portal"))
LISTING = Field(
    name="listing_id", type="text", required=True,
    aliases=("listingid", "roomid", "roomtypeid", "propertynumber", "listing", "unitid", "listingnumber", "roomtype"),
)  # fmt: skip
CURRENCY = Field(name="currency", type="currency", aliases=("currency", "currencycode", "ccy"))
